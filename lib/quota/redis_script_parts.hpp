#pragma once

namespace tidegate::quota {

// The acquire script in the order in which it runs, after what every script begins with. One Lua chunk: what a part
// names `local`, those after it may use.

/// Reads, refuses, tells the server's incarnation and moves virtual time.
extern const char* const acquire_begins;
/// What campaigns have sent, by virtual time.
extern const char* const record_rules;
/// Releases, grants, leads, answers.
extern const char* const acquire_goes_on;

}  // namespace tidegate::quota
