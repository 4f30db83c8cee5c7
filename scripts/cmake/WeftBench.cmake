# The bench programs, in bin/bench: one for each tests/bench/LINE.c, and for each of its peers one in a
# folder of the peer's name. scripts/bench runs them. A peer that is not installed has no programs.
#
#   tests/bench/LINE.c            weft's, with the static library; it may look inside
#   tests/bench/work/*.c          what all programs compute, compiled once so that it is the same code
#   tests/bench/serial, pthread   C, without a library
#   tests/bench/client            C, without a library: what talks to the servers of all peers
#   tests/bench/libuv             C
#   tests/bench/tbb, boost        C++
#   tests/bench/omp               C, once with gcc (gomp) and once with clang (libomp)
#   tests/bench/go                Go
#   tests/bench/asyncio           Python
enable_language(CXX)
set(bench_source ${PROJECT_SOURCE_DIR}/tests/bench)
set(bench_bin ${PROJECT_BINARY_DIR}/bin/bench)
add_custom_target(weft_bench)

file(GLOB bench_work CONFIGURE_DEPENDS ${bench_source}/work/*.c)
add_library(bench_work STATIC ${bench_work})
weft_target(bench_work)
# A loop over memory that is not vectorised measures the loop.
set_source_files_properties(${bench_source}/work/triad.c PROPERTIES COMPILE_OPTIONS -O3)
target_include_directories(bench_work PUBLIC ${bench_source})
target_link_libraries(bench_work PUBLIC m)

# The program FOLDER/NAME.EXT of a peer, or NAME of weft's own with FOLDER ".".
function(bench_program folder file)
    get_filename_component(name ${file} NAME_WE)
    string(MAKE_C_IDENTIFIER bench_${folder}_${name} target)
    add_executable(${target} ${file})
    weft_target(${target})
    target_compile_features(${target} PRIVATE cxx_std_17)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name}
                                               RUNTIME_OUTPUT_DIRECTORY ${bench_bin}/${folder})
    target_link_libraries(${target} PRIVATE bench_work Threads::Threads ${ARGN})
    add_dependencies(weft_bench ${target})
endfunction()

# A program of every file of tests/bench/FOLDER that is called *EXT.
function(bench_programs folder ext)
    file(GLOB files CONFIGURE_DEPENDS ${bench_source}/${folder}/*${ext})
    foreach(file ${files})
        bench_program(${folder} ${file} ${ARGN})
    endforeach()
endfunction()

bench_programs(. .c weft_static)
file(GLOB bench_weft CONFIGURE_DEPENDS ${bench_source}/*.c)
foreach(file ${bench_weft})
    get_filename_component(name ${file} NAME_WE)
    target_include_directories(bench___${name} PRIVATE ${PROJECT_SOURCE_DIR}/lib)
endforeach()
# Its calls of these come to the program first, which counts them.
target_link_options(bench___fork_smalltree PRIVATE
                    -Wl,--wrap=weft__futex_wake,--wrap=weft__poller_ring)

bench_programs(pthread .c)
add_library(bench_copies STATIC ${bench_source}/serial/copies.c)
weft_target(bench_copies)
target_link_libraries(bench_copies PRIVATE bench_work)
file(GLOB bench_serial CONFIGURE_DEPENDS ${bench_source}/serial/*_*.c)
foreach(file ${bench_serial})
    bench_program(serial ${file} bench_copies)
endforeach()
target_compile_options(bench_serial_fork_fib PRIVATE -fno-inline -fno-optimize-sibling-calls)

add_library(bench_client STATIC ${bench_source}/client/server.c ${bench_source}/client/conn.c)
weft_target(bench_client)
target_include_directories(bench_client PUBLIC ${bench_source})
file(GLOB bench_clients CONFIGURE_DEPENDS ${bench_source}/client/*_*.c)
foreach(file ${bench_clients})
    bench_program(client ${file} bench_client)
endforeach()

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
    pkg_check_modules(BENCH_LIBUV QUIET IMPORTED_TARGET libuv)
endif()
if(BENCH_LIBUV_FOUND)
    bench_programs(libuv .c PkgConfig::BENCH_LIBUV)
else()
    message(STATUS "bench: no libuv: scripts/setup --bench installs it")
endif()

find_package(TBB CONFIG QUIET)
if(TBB_FOUND)
    bench_programs(tbb .cpp TBB::tbb)
else()
    message(STATUS "bench: no oneTBB: scripts/setup --bench installs it")
endif()

find_package(Boost QUIET COMPONENTS fiber context)
if(Boost_FOUND)
    bench_programs(boost .cpp Boost::fiber Boost::context)
else()
    message(STATUS "bench: no Boost.Fiber: scripts/setup --bench installs it")
endif()

# OpenMP's programs are compiled by two compilers, of which CMake knows one.
find_program(BENCH_GCC gcc)
find_program(BENCH_CLANG NAMES clang-14 clang)
function(bench_openmp folder compiler flag)
    file(GLOB files CONFIGURE_DEPENDS ${bench_source}/omp/*.c)
    set(probe ${CMAKE_CURRENT_BINARY_DIR}/openmp.c)
    file(WRITE ${probe} "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
    execute_process(COMMAND ${compiler} ${flag} ${probe} -o ${probe}.out
                    RESULT_VARIABLE missing OUTPUT_QUIET ERROR_QUIET)
    if(missing)
        message(STATUS "bench: no ${folder}: scripts/setup --bench installs it")
        return()
    endif()
    file(MAKE_DIRECTORY ${bench_bin}/${folder})
    foreach(file ${files})
        get_filename_component(name ${file} NAME_WE)
        set(program ${bench_bin}/${folder}/${name})
        add_custom_command(
            OUTPUT ${program}
            COMMAND ${compiler} -std=gnu11 -O2 -g -Wall -D_GNU_SOURCE -I${bench_source}
                    ${flag} ${file} $<TARGET_FILE:bench_work> -lm -o ${program}
            DEPENDS ${file} bench_work ${bench_source}/bench.h
            COMMENT "Building ${folder}/${name}" VERBATIM)
        list(APPEND programs ${program})
    endforeach()
    add_custom_target(bench_${folder} DEPENDS ${programs})
    add_dependencies(weft_bench bench_${folder})
endfunction()
if(BENCH_GCC)
    bench_openmp(gomp ${BENCH_GCC} -fopenmp)
endif()
if(BENCH_CLANG)
    bench_openmp(libomp ${BENCH_CLANG} -fopenmp=libomp)
endif()

find_program(BENCH_GO go)
if(BENCH_GO)
    file(GLOB files CONFIGURE_DEPENDS ${bench_source}/go/*_*.go)
    foreach(file ${files})
        get_filename_component(name ${file} NAME_WE)
        set(program ${bench_bin}/go/${name})
        add_custom_command(
            OUTPUT ${program}
            COMMAND ${CMAKE_COMMAND} -E env GO111MODULE=off GOFLAGS=
                    GOCACHE=${CMAKE_CURRENT_BINARY_DIR}/go/cache
                    GOPATH=${CMAKE_CURRENT_BINARY_DIR}/go
                    ${BENCH_GO} build -o ${program} ${file}
                    ${bench_source}/go/bench.go
            DEPENDS ${file} ${bench_source}/go/bench.go
            COMMENT "Building go/${name}" VERBATIM)
        list(APPEND go_programs ${program})
    endforeach()
    add_custom_target(bench_go DEPENDS ${go_programs})
    add_dependencies(weft_bench bench_go)
else()
    message(STATUS "bench: no Go: scripts/setup --bench installs it")
endif()

# Python's programs are their source, under the name that all programs have.
find_program(BENCH_PYTHON python3)
if(BENCH_PYTHON)
    file(GLOB files CONFIGURE_DEPENDS ${bench_source}/asyncio/*_*.py)
    file(MAKE_DIRECTORY ${bench_bin}/asyncio)
    foreach(file ${files})
        get_filename_component(name ${file} NAME_WE)
        set(program ${bench_bin}/asyncio/${name})
        add_custom_command(OUTPUT ${program} COMMAND ${CMAKE_COMMAND} -E copy ${file} ${program}
                           DEPENDS ${file} COMMENT "Copying asyncio/${name}" VERBATIM)
        list(APPEND python_programs ${program})
    endforeach()
    add_custom_target(bench_asyncio DEPENDS ${python_programs})
    add_dependencies(weft_bench bench_asyncio)
else()
    message(STATUS "bench: no Python: scripts/setup --bench installs it")
endif()
