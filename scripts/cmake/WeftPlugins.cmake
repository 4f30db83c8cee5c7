# The plug-ins: lib/weft/NAME.so, each with one exported entry and no undefined weft symbol, so that
# the library links neither ZeroMQ nor an MPI.

# Make the plug-in weft/NAME.so from the sources that follow, as the target `target`.
function(weft_plugin target name)
    add_library(${target} MODULE ${ARGN})
    weft_target(${target})
    weft_closed(${target})
    set_target_properties(
        ${target} PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME ${name}
                             LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/weft)
    target_include_directories(${target} PRIVATE include lib)
    target_link_libraries(${target} PRIVATE Threads::Threads)
    set_property(GLOBAL APPEND PROPERTY WEFT_PLUGINS ${target})
endfunction()

pkg_check_modules(ZMQ IMPORTED_TARGET libzmq)
file(GLOB weft_zmq_sources CONFIGURE_DEPENDS lib/link/zmq*.c)
if(ZMQ_FOUND AND weft_zmq_sources)
    weft_plugin(weft_zmq zmq ${weft_zmq_sources})
    target_link_libraries(weft_zmq PRIVATE PkgConfig::ZMQ)
elseif(NOT ZMQ_FOUND)
    message(STATUS "weft: no ZeroMQ found: weft/zmq.so is not built")
endif()

# Whether the MPI that was found is Open MPI: the table of handles that a plug-in is compiled with is
# the one of its MPI.
find_package(MPI COMPONENTS C)
set(WEFT_OPENMPI OFF)
if(MPI_C_FOUND)
    include(CheckSymbolExists)
    set(CMAKE_REQUIRED_LIBRARIES MPI::MPI_C)
    check_symbol_exists(OPEN_MPI mpi.h WEFT_MPI_IS_OPENMPI)
    unset(CMAKE_REQUIRED_LIBRARIES)
    set(WEFT_OPENMPI ${WEFT_MPI_IS_OPENMPI})
endif()

file(GLOB weft_mpi_sources CONFIGURE_DEPENDS lib/link/mpi.c lib/link/mpi_*.c)
if(WEFT_OPENMPI AND weft_mpi_sources)
    weft_plugin(weft_mpi mpi-openmpi ${weft_mpi_sources})
    target_link_libraries(weft_mpi PRIVATE MPI::MPI_C)
    # An MPI may live outside of the places where libraries are looked for.
    set_target_properties(weft_mpi PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON
                                              BUILD_WITH_INSTALL_RPATH ON)
elseif(NOT WEFT_OPENMPI)
    message(STATUS "weft: no Open MPI found: weft/mpi-openmpi.so is not built")
endif()
