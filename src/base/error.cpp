#include <latchkey/error.h>

#include <stdexcept>

#include <boost/throw_exception.hpp>

namespace latchkey {

const char* name(Fault fault) noexcept {
    switch (fault) {
        case Fault::bad_input:
            return "bad_input";
        case Fault::not_found:
            return "not_found";
        case Fault::conflict:
            return "conflict";
        case Fault::denied:
            return "denied";
        case Fault::try_later:
            return "try_later";
        case Fault::outcome_unknown:
            return "outcome_unknown";
        case Fault::reauthorize:
            return "reauthorize";
        case Fault::misconfigured:
            return "misconfigured";
        case Fault::internal:
            return "internal";
    }
    return "internal";
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
    boost::throw_exception(std::logic_error("value() of a failed result: " + error.code), where);
}

}  // namespace latchkey
