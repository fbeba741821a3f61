#pragma once

#include <memory>
#include <string>
#include <tidegate/base/secret.hpp>

#include "desk.hpp"

namespace service {

/// The HTTP face of a desk. cpp-httplib stays behind surface.cpp: its macros change the layout of its classes, so it is
/// included in one source file, with the flags its package names.
class Surface {
  public:
    /// Listens on `host`:`port` (0 = any free port). Errors: the address is in use, or not of this machine.
    static tidegate::Result<std::unique_ptr<Surface>> open(Desk& desk, tidegate::Gate& gate, tidegate::Secret token,
                                                           const std::string& host, int port);
    /// Takes no more requests; those under way are answered first.
    ~Surface();
    Surface(const Surface&) = delete;
    Surface& operator=(const Surface&) = delete;

    int port() const;

  private:
    struct Impl;
    explicit Surface(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace service
