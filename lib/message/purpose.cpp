#include "tidegate/message/message.hpp"

namespace tidegate {

std::string_view to_string(Purpose purpose) {
    switch (purpose) {
        case Purpose::advertising:
            return "advertising";
        case Purpose::informational:
            return "informational";
        case Purpose::transactional:
            return "transactional";
    }
    return "advertising";  // the strictest, for a value out of range
}

}  // namespace tidegate
