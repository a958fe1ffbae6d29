# The few functions that our CMakeLists.txt files are made of.

# Warnings are errors in our code; generated code and system headers are not
# ours.
add_library(holdfast_warnings INTERFACE)
target_compile_options(holdfast_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)

# Abseil's flags use a fence, in a header, that ThreadSanitizer cannot see.
if(HOLDFAST_SANITIZE STREQUAL "thread")
  target_compile_options(holdfast_warnings INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
endif()

# What the sanitizer's runtime looks for in each program cannot be in a library,
# which is only asked for what is missing.
function(holdfast_in_every_program source)
  get_filename_component(name ${source} NAME_WE)
  set(object ${CMAKE_BINARY_DIR}/${name}.o)
  execute_process(COMMAND_ERROR_IS_FATAL ANY COMMAND ${CMAKE_CXX_COMPILER}
    -std=c++20 -O1 -g1 -fPIC ${ARGN} -c ${source} -o ${object})
  add_link_options(${object})
endfunction()

if(HOLDFAST_SANITIZE)
  add_compile_options(-fsanitize=${HOLDFAST_SANITIZE}
                      -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HOLDFAST_SANITIZE})
  # Nothing can be linked statically with a sanitizer's runtime.
  set(HOLDFAST_STATIC_SHIM OFF)
  # Each process's findings go to a file of its own: agents and shims are
  # killed, or leave by _exit(), and nobody reads their exit codes.
  set(HOLDFAST_REPORTS ${CMAKE_BINARY_DIR}/reports)
  file(MAKE_DIRECTORY ${HOLDFAST_REPORTS})
  configure_file(cmake/sanitizer_options.cc.in sanitizer_options.cc @ONLY)
  holdfast_in_every_program(${CMAKE_BINARY_DIR}/sanitizer_options.cc)
endif()
if(HOLDFAST_SANITIZE STREQUAL "thread")
  holdfast_in_every_program(${CMAKE_SOURCE_DIR}/cmake/tsan_libraries.cc
    -fsanitize=thread)
endif()

# With HOLDFAST_BATCHES, a target's sources are compiled by the dozen.
function(holdfast_batches name)
  if(HOLDFAST_BATCHES)
    set_target_properties(${name} PROPERTIES
      UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    # GCC takes an unnamed namespace of an included file for a header's.
    target_compile_options(${name} PRIVATE
      $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# holdfast_library(name SRCS a.cc … PUBLIC t … PRIVATE t …)
#
# One target for a folder's idea, named as its path; `holdfast::name` is its
# alias. PUBLIC is what its headers name, PRIVATE what only its .cc files name.
# A library without SRCS is headers alone.
function(holdfast_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;PUBLIC;PRIVATE" ${ARGN})
  if(ARG_SRCS)
    add_library(${name} STATIC ${ARG_SRCS})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ARG_PUBLIC}
                          PRIVATE ${ARG_PRIVATE} holdfast_warnings)
    holdfast_batches(${name})
    list(TRANSFORM ARG_SRCS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
    set_property(TARGET ${name} PROPERTY HOLDFAST_SRCS ${ARG_SRCS})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE ${ARG_PUBLIC})
  endif()
  add_library(holdfast::${name} ALIAS ${name})
endfunction()

# holdfast_runs(name program …)
#
# What it runs is built with it. Where sources are checked instead of being
# compiled there is no program.
function(holdfast_runs name)
  if(NOT CMAKE_CXX_COMPILER_LAUNCHER MATCHES "tidy-instead$")
    add_dependencies(${name} ${ARGN})
  endif()
endfunction()

# holdfast_test(name SRCS a_test.cc … DEPS t … [TIMEOUT s] [LABELS l …])
#
# A GoogleTest program; every TEST in it is a test of ctest.
function(holdfast_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} holdfast_warnings
                        GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(HOLDFAST_BATCHES)
    target_precompile_headers(${name} REUSE_FROM test_headers)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(HOLDFAST_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")
  endif()
  set(properties TIMEOUT ${ARG_TIMEOUT} FIXTURES_REQUIRED all_tests)
  if(ARG_LABELS)
    list(APPEND properties LABELS "${ARG_LABELS}")
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    PROPERTIES ${properties})
endfunction()
