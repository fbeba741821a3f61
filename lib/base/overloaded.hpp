#pragma once

namespace tidegate {

/// Several lambdas as one, for `std::visit`.
template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
/// Clang before 17 cannot deduce an aggregate's arguments by itself.
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace tidegate
