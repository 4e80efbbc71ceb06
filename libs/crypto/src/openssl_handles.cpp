#include "openssl_handles.h"

#include <openssl/core_names.h>

namespace openpcc::crypto {

OSSL_LIB_CTX* library() {
  static OSSL_LIB_CTX* const context = OSSL_LIB_CTX_new();
  OPENPCC_CHECK(context != nullptr);
  return context;
}

KeyContext key_context(EVP_PKEY* key) {
  KeyContext context(EVP_PKEY_CTX_new_from_pkey(library(), key, nullptr));
  OPENPCC_CHECK(context != nullptr);
  return context;
}

Key import_private(const char* algorithm, ByteSpan bytes) {
  return Key(EVP_PKEY_new_raw_private_key_ex(library(), algorithm, nullptr, bytes.data(), bytes.size()));
}

Key import_public(const char* algorithm, ByteSpan bytes) {
  return Key(EVP_PKEY_new_raw_public_key_ex(library(), algorithm, nullptr, bytes.data(), bytes.size()));
}

void copy_public_key(const EVP_PKEY* key, MutableByteSpan out) {
  size_t written = out.size();
  OPENPCC_CHECK(EVP_PKEY_get_raw_public_key(key, out.data(), &written) == 1 && written == out.size());
}

}  // namespace openpcc::crypto
