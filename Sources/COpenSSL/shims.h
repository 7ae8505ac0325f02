// OpenSSL's headers, and a function for each of its macros that Swift cannot call.
#ifndef AUDGATE_COPENSSL_SHIMS_H
#define AUDGATE_COPENSSL_SHIMS_H

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

/// `EVP_PKEY_PUBLIC_KEY`: which parts of a key `EVP_PKEY_fromdata` takes.
static inline int audgate_EVP_PKEY_PUBLIC_KEY(void) { return EVP_PKEY_PUBLIC_KEY; }

#endif
