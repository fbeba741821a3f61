#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/crypto.hpp"
#include "tidegate/control/server.hpp"

namespace tidegate::control {

Result<Secret> make_token_file(const std::string& path) {
    const int made = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (made >= 0) {
        const std::string token = net::hex(net::random_bytes(24));
        const std::string line = token + "\n";
        const bool written = ::write(made, line.data(), line.size()) == static_cast<ssize_t>(line.size());
        const bool closed = ::close(made) == 0;
        if (written && closed) return Secret(token);
        ::unlink(path.c_str());
        return Error{Errc::unavailable, "cannot write the token file", path, "free some disk space"};
    }
    if (errno != EEXIST) {
        return Error{Errc::unavailable, std::string("cannot make the token file: ") + std::strerror(errno), path,
                     "name a file in a directory that can be written"};
    }
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return Error{Errc::unavailable, std::strerror(errno), path, ""};
    if ((info.st_mode & 077) != 0) {
        return Error{Errc::refused, "the token file can be read by others", path,
                     "chmod 600 it, or remove it to have a new one made"};
    }
    return read_secret("file:" + path, ".");
}

}  // namespace tidegate::control
