# How tests/CMakeLists.txt finds, builds and registers tests.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

set(WEFT_TEST_BIN ${PROJECT_BINARY_DIR}/bin/tests)
set(WEFT_TEST_TIMEOUT_unit 120)
set(WEFT_TEST_TIMEOUT_system 300)
set(suppressions ${PROJECT_SOURCE_DIR}/tests/suppressions)
set(symbolizer external_symbolizer_path=${suppressions}/llvm-symbolizer)

set(WEFT_TEST_ENVIRONMENT
    WEFT_BUILD_BIN=${PROJECT_BINARY_DIR}/bin
    WEFT_BUILD_DIR=${PROJECT_BINARY_DIR}
    WEFT_SOURCE_DIR=${PROJECT_SOURCE_DIR}
    WEFT_TEST_SANITIZE=${WEFT_SANITIZE}
    # mpirun in a container, as root, with more ranks than cores, and on loopback only
    OMPI_ALLOW_RUN_AS_ROOT=1
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    OMPI_MCA_rmaps_base_oversubscribe=1
    OMPI_MCA_oob_tcp_if_include=lo
    OMPI_MCA_btl_tcp_if_include=lo)
if(WEFT_SANITIZE MATCHES address)
    list(APPEND WEFT_TEST_ENVIRONMENT
         # the slow unwinder sees through libraries without frame pointers: suppressions need that
         ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:fast_unwind_on_malloc=0:${symbolizer}
         LSAN_OPTIONS=suppressions=${suppressions}/lsan.supp:print_suppressions=0
         UBSAN_OPTIONS=print_stacktrace=1)
elseif(WEFT_SANITIZE MATCHES thread)
    list(APPEND WEFT_TEST_ENVIRONMENT
         TSAN_OPTIONS=suppressions=${suppressions}/tsan.supp:second_deadlock_stack=1:${symbolizer})
endif()
if(WEFT_SANITIZE)
    add_library(weft_keep_modules MODULE ${suppressions}/keep_modules.c)
    # Also preloaded into the shells that run the tests, which have no sanitizer's runtime.
    set_target_properties(weft_keep_modules PROPERTIES
                          COMPILE_OPTIONS "" LINK_OPTIONS "" C_VISIBILITY_PRESET default
                          LIBRARY_OUTPUT_DIRECTORY ${WEFT_TEST_BIN})
    list(APPEND WEFT_TEST_ENVIRONMENT LD_PRELOAD=${WEFT_TEST_BIN}/libweft_keep_modules.so)
endif()

# Register COMMAND as the test `name` of `kind` (unit or system); `file` says what is special.
function(weft_add_test name kind file)
    file(STRINGS ${file} mark REGEX "ctest: " LIMIT_COUNT 1)
    string(REGEX REPLACE ".*ctest: *" "" mark "${mark}")
    string(REGEX REPLACE "[ */]+" ";" words "${mark}")
    if(helper IN_LIST words OR (plain IN_LIST words AND WEFT_SANITIZE))
        return()
    endif()
    set(command ${ARGN})
    if(mark MATCHES "mpirun=([0-9]+)")
        if(NOT WEFT_OPENMPI)
            return()
        endif()
        set(command ${MPIEXEC_EXECUTABLE} -n ${CMAKE_MATCH_1} $<TARGET_FILE:${ARGV3}>)
    endif()
    add_test(NAME ${name} COMMAND ${command})
    set(timeout ${WEFT_TEST_TIMEOUT_${kind}})
    if(mark MATCHES "timeout=([0-9]+)")
        set(timeout ${CMAKE_MATCH_1})
    endif()
    if(WEFT_SANITIZE)
        math(EXPR timeout "${timeout} * 3")
    endif()
    set(labels ${kind})
    if(slow IN_LIST words)
        list(APPEND labels slow)
    endif()
    set_tests_properties(
        ${name} PROPERTIES TIMEOUT ${timeout} LABELS "${labels}" SKIP_RETURN_CODE 77
                           ENVIRONMENT "${WEFT_TEST_ENVIRONMENT}")
    if(serial IN_LIST words)
        set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
    elseif(kind STREQUAL system)
        # These start programs of several processes each: two at a time would measure each other.
        set_tests_properties(${name} PROPERTIES PROCESSORS 2)
    endif()
endfunction()

# One program of `sources` in bin/tests; assertions hold in all builds.
function(weft_test_program target name)
    add_executable(${target} ${ARGN})
    weft_target(${target})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name}
                                               RUNTIME_OUTPUT_DIRECTORY ${WEFT_TEST_BIN})
    target_compile_options(${target} PRIVATE -UNDEBUG)
endfunction()

function(weft_cmocka_test file)
    get_filename_component(thing ${file} NAME_WE)
    get_filename_component(layer ${file} DIRECTORY)
    get_filename_component(layer ${layer} NAME)
    string(REGEX REPLACE "_test$" "" short ${thing})
    weft_test_program(test_${layer}_${short} ${layer}_${thing} ${file})
    target_include_directories(
        test_${layer}_${short} PRIVATE ${PROJECT_SOURCE_DIR}/lib ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(test_${layer}_${short} PRIVATE weft_static PkgConfig::CMOCKA)
    file(STRINGS ${file} mark REGEX "ctest: .*wrap=" LIMIT_COUNT 1)
    if(mark MATCHES "wrap=([a-z0-9_,]+)")
        string(REPLACE "," ";" wrapped ${CMAKE_MATCH_1})
        list(TRANSFORM wrapped PREPEND -Wl,--wrap=)
        target_link_options(test_${layer}_${short} PRIVATE ${wrapped})
    endif()
    if(TARGET test_${layer}_helpers)
        target_link_libraries(test_${layer}_${short} PRIVATE test_${layer}_helpers)
    endif()
    if(layer STREQUAL runner AND TARGET weft_runner)
        target_include_directories(test_${layer}_${short} PRIVATE ${PROJECT_SOURCE_DIR}/runner)
        target_link_libraries(test_${layer}_${short} PRIVATE weft_runner)
    endif()
    if(layer STREQUAL system)
        set(kind system)
    else()
        set(kind unit)
    endif()
    weft_add_test(${layer}/${short} ${kind} ${file} test_${layer}_${short})
    if(TEST ${layer}/${short})
        # The library is in the program itself, and that is not where plug-ins are looked for.
        set_property(TEST ${layer}/${short} APPEND
                     PROPERTY ENVIRONMENT WEFT_PLUGIN_DIR=${PROJECT_BINARY_DIR}/lib/weft)
    endif()
endfunction()

# What the tests of a layer share: its files that are no tests themselves.
function(weft_test_helpers layer)
    file(GLOB sources CONFIGURE_DEPENDS ${layer}/*.c)
    list(FILTER sources EXCLUDE REGEX "_(test|prog)\\.c$")
    if(sources)
        add_library(test_${layer}_helpers OBJECT ${sources})
        weft_target(test_${layer}_helpers)
        target_compile_options(test_${layer}_helpers PRIVATE -UNDEBUG)
        target_include_directories(
            test_${layer}_helpers PRIVATE ${PROJECT_SOURCE_DIR}/lib ${PROJECT_SOURCE_DIR}/tests)
        target_link_libraries(test_${layer}_helpers PRIVATE weft_static PkgConfig::CMOCKA)
    endif()
endfunction()

function(weft_script_test file interpreter)
    get_filename_component(name ${file} NAME_WE)
    string(REGEX REPLACE "_test$" "" name ${name})
    weft_add_test(system/${name} system ${file} ${interpreter} ${file})
endfunction()

function(weft_helper_program file)
    get_filename_component(name ${file} NAME_WE)
    weft_test_program(${name} ${name} ${file})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${name} PRIVATE weft::weft Threads::Threads)
endfunction()

function(weft_tests)
    file(GLOB programs CONFIGURE_DEPENDS system/*_prog.c)
    foreach(file ${programs})
        weft_helper_program(${file})
    endforeach()
    file(GLOB programs CONFIGURE_DEPENDS mpi/*_prog.c)
    foreach(file ${programs})
        if(MPI_C_FOUND)
            weft_helper_program(${file})
            get_filename_component(name ${file} NAME_WE)
            target_link_libraries(${name} PRIVATE MPI::MPI_C)
        endif()
    endforeach()
    file(STRINGS ${PROJECT_SOURCE_DIR}/lib/LAYERS layers REGEX "^[a-z]")
    list(TRANSFORM layers REPLACE " .*" "")
    foreach(layer ${layers} runner system)
        weft_test_helpers(${layer})
    endforeach()
    file(GLOB tests CONFIGURE_DEPENDS */*_test.c)
    foreach(file ${tests})
        weft_cmocka_test(${file})
    endforeach()
    file(GLOB scripts CONFIGURE_DEPENDS system/*.sh)
    foreach(file ${scripts})
        weft_script_test(${file} bash)
    endforeach()
    file(GLOB scripts CONFIGURE_DEPENDS system/*.py)
    foreach(file ${scripts})
        weft_script_test(${file} python3)
    endforeach()
endfunction()
