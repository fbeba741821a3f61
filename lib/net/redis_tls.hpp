#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tidegate/base/result.hpp"

namespace tidegate::net {

/// What TLS sessions with one server share: the trust anchors. Threads: one.
class RedisTrust {
  public:
    /// The system's anchors and those of `ca` (PEM file; empty = none). Errors: the file holds none.
    static Result<RedisTrust> load(const std::string& ca);

  private:
    friend class RedisTls;
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

/// One TLS session between memory and memory: it never sees a socket, so nothing in it can raise SIGPIPE or block.
/// TLS 1.2 or later; the peer's chain and its name (or address) are verified; the name goes along as SNI.
class RedisTls {
  public:
    RedisTls(const RedisTrust& trust, const std::string& host);
    ~RedisTls();

    void take(std::string_view wire_bytes);  ///< from the peer
    /// One step: encrypts what it can take from the front of `plain`, adds what goes to the peer to `to_wire` and what
    /// the peer said to `received`. Errors: the certificate is not trusted or for another name, the session broke.
    Result<void> advance(std::string& plain, std::string& to_wire, std::string& received);
    bool established() const;
    bool finished() const;  ///< the peer has said that it is done

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::net
