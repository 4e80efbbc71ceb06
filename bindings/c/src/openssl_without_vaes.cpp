// OpenSSL's AES-GCM for AVX-512 is 700 KB of unrolled code, a seventh of the library, which verifies and never encrypts. OpenSSL uses it where
// ossl_vaes_vpclmulqdq_capable says yes. Defined here, the functions are not fetched from the archive; a future OpenSSL that has others beside
// them in the same place makes the link fail for a symbol that is defined twice.
#include <cstdlib>

// NOLINTBEGIN(readability-identifier-naming): OpenSSL's names
extern "C" {
int ossl_vaes_vpclmulqdq_capable();
void ossl_aes_gcm_init_avx512();
void ossl_aes_gcm_setiv_avx512();
void ossl_aes_gcm_update_aad_avx512();
void ossl_aes_gcm_encrypt_avx512();
void ossl_aes_gcm_decrypt_avx512();
void ossl_aes_gcm_finalize_avx512();
void ossl_gcm_gmult_avx512();

int ossl_vaes_vpclmulqdq_capable() { return 0; }
void ossl_aes_gcm_init_avx512() { std::abort(); }
void ossl_aes_gcm_setiv_avx512() { std::abort(); }
void ossl_aes_gcm_update_aad_avx512() { std::abort(); }
void ossl_aes_gcm_encrypt_avx512() { std::abort(); }
void ossl_aes_gcm_decrypt_avx512() { std::abort(); }
void ossl_aes_gcm_finalize_avx512() { std::abort(); }
void ossl_gcm_gmult_avx512() { std::abort(); }
}
// NOLINTEND(readability-identifier-naming)
