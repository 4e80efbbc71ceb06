# How everything is compiled. Presets choose the compiler, the build type and the sanitizer.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

option(OPENPCC_WARNINGS_AS_ERRORS "Refuse to compile with warnings" ON)
set(OPENPCC_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined or thread")
option(OPENPCC_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

# openpcc_compile is what each of our targets links privately; third-party headers are SYSTEM and stay silent.
add_library(openpcc_compile INTERFACE)
target_compile_features(openpcc_compile INTERFACE cxx_std_23)
target_compile_options(openpcc_compile INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wcast-qual -Wformat=2 -Wimplicit-fallthrough -Wundef -fvisibility=hidden -fvisibility-inlines-hidden)
if(OPENPCC_WARNINGS_AS_ERRORS)
  target_compile_options(openpcc_compile INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
  # g++ 12 reports Asio's own recycling allocator in some coroutine frames, g++ 13 and 14 in every one.
  target_compile_options(openpcc_compile INTERFACE -Wno-mismatched-new-delete)
endif()

# OpenSSF's hardening list; sanitizers bring their own checks and do not mix with _FORTIFY_SOURCE.
if(OPENPCC_SANITIZE)
  add_compile_options(-fsanitize=${OPENPCC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${OPENPCC_SANITIZE})
else()
  add_compile_options(-fstack-protector-strong -fstack-clash-protection
    $<IF:$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},aarch64>,-mbranch-protection=standard,-fcf-protection=full>)
  add_compile_definitions($<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2> _GLIBCXX_ASSERTIONS)
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
  # No target re-exports what it links statically: the system's own OpenSSL may live in the same process (tools/check_exports.sh).
  # Not with sanitizers: their runtimes are static, and shared libraries must find their allocator.
  add_link_options(-Wl,--exclude-libs,ALL)
endif()
if(OPENPCC_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
