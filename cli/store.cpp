#include <iostream>

#include <boost/json.hpp>

#include <latchkey/store_copy.h>

#include "base/text.h"
#include "cli/acts.h"
#include "cli/output.h"

namespace latchkey::cli {

int copy(const StoreCopyCommand& command, const FrontDoors& doors) {
    auto from = doors.server_options(command.from);
    if (!from) return fail(from.error(), command.json);
    auto to = doors.server_options(command.to);
    if (!to) return fail(to.error(), command.json);
    const auto copied = copy_store(std::move(*from), std::move(*to));
    if (!copied) return fail(copied.error(), command.json);
    if (command.json) {
        print_json({{"place", copied->place},
                    {"done_before", copied->done_before},
                    {"connections", copied->connections},
                    {"grants", copied->grants},
                    {"sessions", copied->sessions},
                    {"api_keys", copied->api_keys},
                    {"events", copied->events}});
        return 0;
    }
    const auto place = printable(copied->place);
    if (copied->done_before)
        std::cout << "The connections were at " << place << " already. ";
    else
        std::cout << copied->connections << " connections, " << copied->sessions
                  << " connect sessions and " << copied->api_keys << " API keys are at " << place
                  << " now. ";
    std::cout << "Start the server with " << printable(command.to)
              << "; the file is marked, and nothing opens it any more.\n";
    return 0;
}

}  // namespace latchkey::cli
