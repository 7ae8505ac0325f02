// nghttp2's header.
#ifndef AUDGATE_CNGHTTP2_SHIMS_H
#define AUDGATE_CNGHTTP2_SHIMS_H

#include <nghttp2/nghttp2.h>

#endif
