#pragma once

#include <string>

#include "net/crypto.hpp"
#include "tidegate/audience/recipient.hpp"

namespace tidegate::ledger {

/// SHA-256 over what each well-formed row says, in order; one rule for ingest and for the check before a resume.
class RowDigest {
  public:
    void add(const Recipient& person);
    std::string finish();  ///< 64 hexadecimal digits

  private:
    net::Sha256 hash_;
    std::string buffer_;
};

}  // namespace tidegate::ledger
