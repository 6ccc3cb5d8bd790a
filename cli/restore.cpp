#include <iostream>

#include <boost/json.hpp>

#include <latchkey/latchkey.h>

#include "cli/acts.h"
#include "cli/output.h"

namespace latchkey::cli {

Result<Options> stopped_store(const std::string& config_file, const std::string& data,
                              const FrontDoors& doors) {
    if (data.empty()) return doors.server_options(config_file);
    Options options;
    options.database = data + "/latchkey.db";
    return options;
}

int restore(const RestoreCommand& command, const FrontDoors& doors) {
    if (!command.mark)
        return fail(
            Error{Fault::bad_input, "nothing_to_do",
                  "Put the backup in the store's place first, with the server stopped; then "
                  "run: latchkey restore --mark"},
            command.json);
    auto options = stopped_store(command.config_file, command.data, doors);
    if (!options) return fail(options.error(), command.json);
    const auto marked = Latchkey::mark_restored(std::move(*options));
    if (!marked) return fail(marked.error(), command.json);
    if (command.json) {
        boost::json::object out;
        out["timeline"] = marked->text;
        print_json(out);
    } else {
        std::cout << "Marked as restored (timeline " << marked->text
                  << "). Salesforce is asked about each connection before its next refresh.\n";
    }
    return 0;
}

}  // namespace latchkey::cli
