# What `cmake --install` puts where. The tree may be moved afterwards: everything finds its neighbours
# by relative paths.
include(CMakePackageConfigHelpers)

set(weft_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weft)

install(DIRECTORY include/weft DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS weft EXPORT weft-targets)
install(TARGETS weft_static EXPORT weft-static-targets)
# Apart, since only a user of the static library needs hwloc's headers and libraries.
install(EXPORT weft-targets NAMESPACE weft:: DESTINATION ${weft_cmake_dir})
install(EXPORT weft-static-targets NAMESPACE weft:: DESTINATION ${weft_cmake_dir})

if(weft_plugins)
    install(TARGETS ${weft_plugins} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft)
endif()
if(TARGET weft_command)
    install(TARGETS weft_command)
endif()

file(GLOB pages CONFIGURE_DEPENDS lib/man/*.[1-9] runner/man/*.[1-9])
foreach(page ${pages})
    get_filename_component(section ${page} LAST_EXT)
    string(SUBSTRING ${section} 1 1 section)
    install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

configure_package_config_file(scripts/cmake/weft-config.cmake.in weft-config.cmake
                              INSTALL_DESTINATION ${weft_cmake_dir})
# Before 1.0 a new minor number may change the interface.
write_basic_package_version_file(weft-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weft-config.cmake
              ${PROJECT_BINARY_DIR}/weft-config-version.cmake DESTINATION ${weft_cmake_dir})

# pkg-config: from the place of weft.pc up to the prefix, and down again.
cmake_path(IS_ABSOLUTE CMAKE_INSTALL_LIBDIR absolute)
if(absolute)
    set(WEFT_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
else()
    file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    string(REGEX REPLACE "/$" "" up ${up})
    set(WEFT_PC_PREFIX "\${pcfiledir}/${up}")
endif()
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_LIBDIR BASE_DIRECTORY "\${prefix}"
           OUTPUT_VARIABLE WEFT_PC_LIBDIR)
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_INCLUDEDIR BASE_DIRECTORY "\${prefix}"
           OUTPUT_VARIABLE WEFT_PC_INCLUDEDIR)
configure_file(scripts/cmake/weft.pc.in weft.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/weft.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
