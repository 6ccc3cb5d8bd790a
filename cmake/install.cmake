# What a user's machine gets: one static library of the rooms, the public headers, and the files by
# which CMake and pkg-config find them. The component is `library`; the program's is `program`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Object code of every room that the face stands on, and Asio's own.
set(LATCHKEY_LIBRARY_ROOMS base model oauth salesforce crypto net store endpoint vault access refresh
    connect gateway rest facade)
set(objects $<TARGET_OBJECTS:boost_src>)
foreach(room ${LATCHKEY_LIBRARY_ROOMS})
    get_target_property(kind room_${room} TYPE)
    if(NOT kind STREQUAL "INTERFACE_LIBRARY")
        list(APPEND objects $<TARGET_OBJECTS:room_${room}>)
    endif()
endforeach()

# Nothing of our own build's flags and warnings is passed on: a user gets C++20, include path, libraries.
add_library(latchkey_library STATIC ${objects})
set_target_properties(latchkey_library PROPERTIES LINKER_LANGUAGE CXX OUTPUT_NAME latchkey
    EXPORT_NAME latchkey)
target_compile_features(latchkey_library INTERFACE cxx_std_20)
target_include_directories(latchkey_library INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(latchkey_library INTERFACE Threads::Threads Boost::headers Boost::json Boost::url
    OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB simdjson::simdjson PkgConfig::sodium PkgConfig::sqlite
    PkgConfig::libpq fmt::fmt)
add_library(latchkey::latchkey ALIAS latchkey_library)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/latchkey)
install(TARGETS latchkey_library EXPORT latchkeyTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/latchkey
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library FILES_MATCHING PATTERN "*.h")
install(EXPORT latchkeyTargets NAMESPACE latchkey:: DESTINATION ${package_dir} COMPONENT library)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/latchkeyConfig.cmake.in
    ${PROJECT_BINARY_DIR}/package/latchkeyConfig.cmake INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may change the face.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/latchkeyConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/latchkeyConfig.cmake
              ${PROJECT_BINARY_DIR}/package/latchkeyConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT library)

file(RELATIVE_PATH LATCHKEY_LIB_TO_INCLUDE /${CMAKE_INSTALL_LIBDIR} /${CMAKE_INSTALL_INCLUDEDIR})
configure_file(${CMAKE_CURRENT_LIST_DIR}/latchkey.pc.in ${PROJECT_BINARY_DIR}/package/latchkey.pc
    @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/latchkey.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)

if(TARGET latchkey_binary)
    install(TARGETS latchkey_binary RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()
