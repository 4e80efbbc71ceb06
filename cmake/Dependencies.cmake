# Third-party code, all from the distribution's packages. OpenSSL may come from the per-user cache (tools/openssl.sh).
find_package(Threads REQUIRED)

set(OPENPCC_OPENSSL_PREFIX "$ENV{OPENPCC_OPENSSL_PREFIX}" CACHE STRING "Prefix of OpenSSL >= 3.5, or 'system'")
if(NOT OPENPCC_OPENSSL_PREFIX)
  execute_process(COMMAND "${CMAKE_SOURCE_DIR}/tools/openssl.sh" OUTPUT_VARIABLE prefix
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(OPENPCC_OPENSSL_PREFIX "${prefix}" CACHE STRING "" FORCE)
endif()
if(NOT OPENPCC_OPENSSL_PREFIX STREQUAL "system")
  set(OPENSSL_ROOT_DIR "${OPENPCC_OPENSSL_PREFIX}")
  set(OPENSSL_USE_STATIC_LIBS ON)
endif()
# What was found under another prefix would stay found.
if(NOT OPENPCC_OPENSSL_PREFIX STREQUAL "${OPENPCC_OPENSSL_FOUND_UNDER}")
  unset(OPENSSL_INCLUDE_DIR CACHE)
  unset(OPENSSL_CRYPTO_LIBRARY CACHE)
  unset(OPENSSL_SSL_LIBRARY CACHE)
  set(OPENPCC_OPENSSL_FOUND_UNDER "${OPENPCC_OPENSSL_PREFIX}" CACHE INTERNAL "")
endif()
find_package(OpenSSL 3.5 REQUIRED)

find_package(Boost 1.81 REQUIRED CONFIG) # Boost's own, as CMake's module is going away
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
find_package(LibXml2 REQUIRED) # for tests alone: another reader of XML beside ours

# Boost.JSON is compiled here once, from its headers, so that no package name differs between distributions.
add_library(openpcc_json STATIC "${CMAKE_SOURCE_DIR}/cmake/boost_json.cpp")
target_link_libraries(openpcc_json PUBLIC Boost::headers)
target_compile_options(openpcc_json PRIVATE -ffunction-sections -fdata-sections) # so that bindings/c need not take all of it
target_compile_definitions(openpcc_json PUBLIC BOOST_JSON_STATIC_LINK=1 BOOST_CONTAINER_NO_LIB=1 BOOST_JSON_NO_LIB=1)

# So is toml++, with its assertions turned into exceptions; include "toml_checked.h".
find_path(OPENPCC_TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)
add_library(openpcc_toml STATIC "${CMAKE_SOURCE_DIR}/cmake/toml/toml_checked.cpp")
target_include_directories(openpcc_toml PUBLIC "${CMAKE_SOURCE_DIR}/cmake/toml")
target_include_directories(openpcc_toml SYSTEM PUBLIC "${OPENPCC_TOMLPLUSPLUS_INCLUDE}")
target_compile_options(openpcc_toml PRIVATE -ffunction-sections -fdata-sections)
target_compile_definitions(openpcc_toml PUBLIC TOML_HEADER_ONLY=0)
