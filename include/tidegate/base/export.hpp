#pragma once
/// Marks what a shared build of tidegate exports; everything else stays hidden.
#if defined(TIDEGATE_STATIC)
#define TIDEGATE_EXPORT
#else
#define TIDEGATE_EXPORT __attribute__((visibility("default")))
#endif
