# A room is a folder with one job. Its library is every .cpp in it but the tests; its tests are the
# *_test.cpp beside them, one doctest binary a room.
#
#   latchkey_room(vault DIR src/vault USES crypto store LINKS PkgConfig::sodium TEST_USES ...)
#
# USES names rooms of the same or a lower floor; tests/floors reads every include line and fails on
# one that points up or sideways, so this list cannot drift from the table in tests/floors/floors.py.

add_library(latchkey_flags INTERFACE)
target_compile_features(latchkey_flags INTERFACE cxx_std_20)
target_include_directories(latchkey_flags INTERFACE
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
target_compile_definitions(latchkey_flags INTERFACE
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
    BOOST_ASIO_DISABLE_BOOST_COROUTINE)
target_compile_options(latchkey_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
    -Woverloaded-virtual $<$<BOOL:${LATCHKEY_WERROR}>:-Werror>
    # g++ 12 reports these inside structured bindings of awaited values, where nothing is wrong.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-mismatched-new-delete>
    $<$<CXX_COMPILER_ID:Clang>:-Wno-missing-field-initializers>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>)
target_link_libraries(latchkey_flags INTERFACE Threads::Threads)

if(LATCHKEY_PRECOMPILE)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/precompiled.cpp CONTENT "")
    add_library(precompiled OBJECT ${PROJECT_BINARY_DIR}/precompiled.cpp)
    target_link_libraries(precompiled PRIVATE latchkey_flags Boost::headers fmt::fmt)
    # Without its time in it, the compiler's cache can tell it apart by content.
    target_compile_options(precompiled PUBLIC -Xclang -fno-pch-timestamp)
    target_precompile_headers(precompiled PRIVATE ${PROJECT_SOURCE_DIR}/cmake/precompiled.h)
endif()

function(latchkey_precompiled target)
    if(LATCHKEY_PRECOMPILE)
        target_precompile_headers(${target} REUSE_FROM precompiled)
        target_compile_options(${target} PRIVATE -Xclang -fno-pch-timestamp)
    endif()
endfunction()

function(latchkey_room name)
    cmake_parse_arguments(ROOM "" "DIR" "USES;LINKS;TEST_USES" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${ROOM_DIR}/*.cpp
         ${PROJECT_SOURCE_DIR}/${ROOM_DIR}/*/*.cpp)
    set(tests ${sources})
    list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
    list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
    list(TRANSFORM ROOM_USES PREPEND room_ OUTPUT_VARIABLE uses)
    if(sources)
        add_library(room_${name} STATIC ${sources})
        target_link_libraries(room_${name} PUBLIC latchkey_flags ${uses} ${ROOM_LINKS})
        latchkey_precompiled(room_${name})
    else()
        add_library(room_${name} INTERFACE)
        target_link_libraries(room_${name} INTERFACE latchkey_flags ${uses} ${ROOM_LINKS})
    endif()
    if(tests AND LATCHKEY_TESTS)
        list(TRANSFORM ROOM_TEST_USES PREPEND room_ OUTPUT_VARIABLE test_uses)
        latchkey_test(${name} SOURCES ${tests} LINKS room_${name} ${test_uses})
    endif()
endfunction()

# One doctest binary under CTest, with a time limit. THROUGH is a command that runs it beside what it
# needs.
function(latchkey_test name)
    cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;LINKS;THROUGH" ${ARGN})
    if(NOT TEST_TIMEOUT)
        # Sanitizers without optimisation take many times as long.
        set(TEST_TIMEOUT $<IF:$<CONFIG:Release>,120,360>)
    endif()
    add_executable(test_${name} ${TEST_SOURCES} ${PROJECT_SOURCE_DIR}/tests/support/main.cpp)
    target_link_libraries(test_${name} PRIVATE latchkey_flags ${TEST_LINKS})
    latchkey_precompiled(test_${name})
    add_test(NAME ${name} COMMAND ${TEST_THROUGH} $<TARGET_FILE:test_${name}>
             WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT}
        ENVIRONMENT "LATCHKEY_SOURCE_DIR=${PROJECT_SOURCE_DIR};LATCHKEY_BUILD_DIR=${PROJECT_BINARY_DIR};TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.supp")
endfunction()
