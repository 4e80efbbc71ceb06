// Owners of OpenSSL's objects and the library context that all of them live in. Private to this library.
#pragma once

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>

#include "openpcc/core/bytes.h"

namespace openpcc::crypto {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;

// library is a context of our own: it reads no configuration file and loads no module, whatever the environment says.
// It lives until the process ends, like everything fetched from it.
OSSL_LIB_CTX* library();

// key_context starts an operation with `key`. Keys are only read, so that threads may share one.
KeyContext key_context(EVP_PKEY* key);

// import_private and import_public make a key of `algorithm` from its raw bytes; nullptr where OpenSSL refuses them.
Key import_private(const char* algorithm, ByteSpan bytes);
Key import_public(const char* algorithm, ByteSpan bytes);

// copy_public_key writes the raw public key, which has exactly out.size() bytes.
void copy_public_key(const EVP_PKEY* key, MutableByteSpan out);

}  // namespace openpcc::crypto
