// Preloaded into redis-server by tests: its wall clock runs ahead by the seconds in the file TIDEGATE_CLOCK_OFFSET.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

namespace {

long offset() {
    static const volatile long* const shared = []() -> const volatile long* {
        const char* const path = std::getenv("TIDEGATE_CLOCK_OFFSET");
        const int file = path == nullptr ? -1 : ::open(path, O_RDONLY);
        void* const at = file < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
        if (file >= 0) ::close(file);
        return at == MAP_FAILED ? nullptr : static_cast<const volatile long*>(at);
    }
    ();
    return shared == nullptr ? 0 : *shared;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int clock_gettime(clockid_t which, timespec* now) noexcept {
    using Real = int (*)(clockid_t, timespec*);
    static const Real real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "clock_gettime"));
    const int result = real(which, now);
    if (result == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
    return result;
}

__attribute__((visibility("default"))) int gettimeofday(timeval* now, void*) noexcept {
    timespec precise = {};
    const int result = clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return result;
}

__attribute__((visibility("default"))) time_t time(time_t* where) noexcept {
    timespec precise = {};
    clock_gettime(CLOCK_REALTIME, &precise);
    if (where != nullptr) *where = precise.tv_sec;
    return precise.tv_sec;
}
}
