#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tidegate/base/export.hpp"

namespace tidegate {

/// What kind of failure an `Error` is; callers branch on this, people read the text.
enum class Errc : std::uint8_t {
    invalid,      ///< the input is wrong and must be changed
    not_found,    ///< something named does not exist
    refused,      ///< a rule forbids it: changed content, aborted campaign, lock held elsewhere
    unavailable,  ///< the environment failed for now: network, disk, Redis
    timed_out,    ///< a bounded wait ended
    stopped,      ///< the operator or the host asked for a stop
    internal      ///< a host callback threw, or an invariant of ours broke
};

/// One failure, told to a person: what happened, where, and what to do about it.
/// `where` is `file:line`, `row N` or a name; `hint` is an imperative sentence. Both may be empty.
struct Error {
    Errc code = Errc::invalid;  ///< for callers that branch
    std::string what{};         ///< what happened
    std::string where{};        ///< `file:line`, `row N` or a name; may be empty
    std::string hint{};         ///< what to do; may be empty

    bool operator==(const Error&) const = default;

    /// "where: what (hint)", leaving out what is empty.
    TIDEGATE_EXPORT std::string text() const;
};

/// All faults found in one pass over some input, in the order of their place in it.
using Faults = std::vector<Error>;

/// A value or the reason there is none. Dereferencing the wrong side is a programmer's mistake and throws
/// `std::bad_variant_access`.
template <class T, class E = Error>
class [[nodiscard]] Result {
  public:
    using value_type = T;  ///< what stands there on success

    /// Success.
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    /// Failure.
    Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

    /// Whether there is a value.
    explicit operator bool() const noexcept { return state_.index() == 0; }

    /// @{ The value; throws when there is none.
    T& operator*() & { return std::get<0>(state_); }
    const T& operator*() const& { return std::get<0>(state_); }
    T&& operator*() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    /// @}

    /// @{ Why there is no value.
    E& error() & { return std::get<1>(state_); }
    const E& error() const& { return std::get<1>(state_); }
    E&& error() && { return std::get<1>(std::move(state_)); }
    /// @}

    /// The value, or `fallback` when there is none.
    T value_or(T fallback) const { return *this ? **this : std::move(fallback); }

  private:
    std::variant<T, E> state_;
};

/// Success without a value, or the reason for failure. `return {};` is success.
template <class E>
class [[nodiscard]] Result<void, E> {
  public:
    using value_type = void;  ///< nothing stands there on success

    Result() = default;
    /// Failure.
    Result(E error) : error_(std::in_place_index<1>, std::move(error)) {}

    /// Whether it went well.
    explicit operator bool() const noexcept { return error_.index() == 0; }

    /// @{ Why it failed.
    E& error() & { return std::get<1>(error_); }
    const E& error() const& { return std::get<1>(error_); }
    E&& error() && { return std::get<1>(std::move(error_)); }
    /// @}

  private:
    std::variant<std::monostate, E> error_;
};

}  // namespace tidegate
