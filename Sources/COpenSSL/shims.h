// OpenSSL's headers, and a function for each of its macros that Swift cannot call.
#ifndef AUDGATE_COPENSSL_SHIMS_H
#define AUDGATE_COPENSSL_SHIMS_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ocsp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/// `EVP_PKEY_PUBLIC_KEY`: which parts of a key `EVP_PKEY_fromdata` takes.
static inline int audgate_EVP_PKEY_PUBLIC_KEY(void) { return EVP_PKEY_PUBLIC_KEY; }

/// `BIO_set_retry_read`: nothing to read now, but perhaps later.
static inline void audgate_BIO_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
/// `BIO_clear_retry_flags`.
static inline void audgate_BIO_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }

/// A new, empty stack of certificates.
static inline STACK_OF(X509) *audgate_certificates_new(void) { return sk_X509_new_null(); }
/// Adds a certificate, which the stack owns from then on.
static inline int audgate_certificates_push(STACK_OF(X509) *stack, X509 *certificate) {
    return sk_X509_push(stack, certificate);
}
/// Takes the first certificate out, which the caller owns from then on; NULL if there is none.
static inline X509 *audgate_certificates_shift(STACK_OF(X509) *stack) { return sk_X509_shift(stack); }
static inline int audgate_certificates_count(const STACK_OF(X509) *stack) { return sk_X509_num(stack); }
static inline X509 *audgate_certificates_value(const STACK_OF(X509) *stack, int index) {
    return sk_X509_value(stack, index);
}
/// Frees the stack and its references to the certificates.
static inline void audgate_certificates_free(STACK_OF(X509) *stack) { sk_X509_pop_free(stack, X509_free); }

/// The alternative names of a certificate, NULL if it has none; to be freed with `GENERAL_NAMES_free`.
static inline GENERAL_NAMES *audgate_alternative_names(const X509 *certificate) {
    return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}
static inline int audgate_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline const GENERAL_NAME *audgate_names_value(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index);
}

/// Versions from `minimum` to TLS 1.3; no renegotiation, no compression; the server's preference of ciphers,
/// unless the client likes ChaCha20 best. No chain is looked for during a handshake, and no buffer is kept
/// between records.
static inline int audgate_SSL_CTX_configure(SSL_CTX *context, int minimum) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                                     | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    return SSL_CTX_set_min_proto_version(context, minimum) == 1
        && SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1;
}
/// `SSL_CTX_set1_groups_list`.
static inline int audgate_SSL_CTX_set1_groups_list(SSL_CTX *context, const char *groups) {
    return SSL_CTX_set1_groups_list(context, groups) == 1;
}
/// `SSL_CTX_set1_sigalgs_list`.
static inline int audgate_SSL_CTX_set1_sigalgs_list(SSL_CTX *context, const char *algorithms) {
    return SSL_CTX_set1_sigalgs_list(context, algorithms) == 1;
}
/// `SSL_CTX_set_max_cert_list`: the longest Certificate message that is read, in bytes.
static inline void audgate_SSL_CTX_set_max_cert_list(SSL_CTX *context, long bytes) {
    SSL_CTX_set_max_cert_list(context, bytes);
}
/// `SSL_CTX_set_session_cache_mode`.
static inline void audgate_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}
/// `SSL_CTX_set_tlsext_servername_callback`.
static inline void audgate_SSL_CTX_set_servername_callback(SSL_CTX *context, int (*callback)(SSL *, int *, void *)) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
}
/// `SSL_CTX_set_tlsext_status_cb`.
static inline void audgate_SSL_CTX_set_status_callback(SSL_CTX *context, int (*callback)(SSL *, void *)) {
    SSL_CTX_set_tlsext_status_cb(context, callback);
}
/// `SSL_set_tlsext_status_ocsp_resp`: the session owns the response, which `OPENSSL_malloc` made, from then on.
static inline void audgate_SSL_set_status_response(SSL *session, unsigned char *response, long length) {
    SSL_set_tlsext_status_ocsp_resp(session, response, length);
}
/// `OPENSSL_memdup`.
static inline unsigned char *audgate_OPENSSL_memdup(const void *bytes, size_t count) {
    return (unsigned char *)OPENSSL_memdup(bytes, count);
}
/// `SSL_set_tlsext_host_name`.
static inline int audgate_SSL_set_host_name(SSL *session, const char *name) {
    return SSL_set_tlsext_host_name(session, name) == 1;
}

#endif
