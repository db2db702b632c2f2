# find_package(normdescent) gives normdescent::core and normdescent::testing; COMPONENTS libtorch and research add theirs, which
# are installed as exports of their own, so that a consumer without LibTorch can use the rest. The program is installed too.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/normdescent)

function(normdescent_install component)
  install(TARGETS ${ARGN} EXPORT normdescent-${component}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component})
  install(EXPORT normdescent-${component} NAMESPACE normdescent:: DESTINATION ${package_dir} COMPONENT ${component})
  install(DIRECTORY ${component}/include/normdescent DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT ${component})
endfunction()

normdescent_install(core normdescent_core normdescent_testing)
normdescent_install(research normdescent_research)
if(NORMDESCENT_HAVE_TORCH)
  normdescent_install(libtorch normdescent_libtorch)
endif()
if(NORMDESCENT_PROGRAM)
  install(TARGETS normdescent_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/normdescentConfig.cmake.in
  ${PROJECT_BINARY_DIR}/normdescentConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/normdescentConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/normdescentConfig.cmake ${PROJECT_BINARY_DIR}/normdescentConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT core)
