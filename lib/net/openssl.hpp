#pragma once

#include <openssl/err.h>

#include <memory>
#include <stdexcept>
#include <string_view>

namespace tidegate::net {

template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};

/// An OpenSSL object freed by its own function.
template <class T, auto Free>
using Owned = std::unique_ptr<T, FreeWith<Free>>;

/// OpenSSL keeps one error queue for each thread. What is left there would be read by the next TLS connection as its
/// own.
inline void forget_openssl_errors() {
    ERR_clear_error();
}

/// For calls that fail only when memory or the random generator does. Carrying on would use keys or bytes that are not.
inline void must(bool worked) {
    if (worked) return;
    forget_openssl_errors();
    throw std::runtime_error("OpenSSL failed in an operation that cannot be done without");
}

inline const unsigned char* bytes_of(std::string_view data) {
    return reinterpret_cast<const unsigned char*>(data.data());
}

}  // namespace tidegate::net
