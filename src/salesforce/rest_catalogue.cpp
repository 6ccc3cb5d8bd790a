#include <array>

#include "salesforce/catalogue.h"

namespace latchkey::salesforce {
namespace {

constexpr const char* caller =
    "Salesforce refused the request itself. Correct it; its answer says "
    "what is wrong.";
constexpr const char* forbidden =
    "The user may not do this with these records. Ask an administrator for the permission, or act "
    "as "
    "another user.";
constexpr std::array rows = {
    RestRow{"INVALID_SESSION_ID", Fault::reauthorize,
            "Salesforce no longer accepts the access token. Take a newer one; if there is none, "
            "connect again."},
    RestRow{"INVALID_AUTH_HEADER", Fault::bad_input,
            "The request had no usable Authorization header. Send it through latchkey unchanged."},
    RestRow{"REQUEST_LIMIT_EXCEEDED", Fault::try_later,
            "The org's limit of API calls is reached: of all in 24 hours, or of long ones at once. "
            "Call less often or have the limit raised."},
    RestRow{"API_DISABLED_FOR_ORG", Fault::misconfigured,
            "The org's edition or settings have no REST API. An administrator has to enable it."},
    RestRow{"API_CURRENTLY_DISABLED", Fault::misconfigured,
            "The user lacks the permission API Enabled. An administrator has to grant it."},
    RestRow{
        "TXN_SECURITY_*", Fault::misconfigured,
        "A transaction security policy of the org stopped the request. Its administrator has to "
        "change the policy or the request."},
    RestRow{"INSUFFICIENT_ACCESS*", Fault::denied, forbidden},
    RestRow{"LIMIT_EXCEEDED", Fault::try_later,
            "The org has as many bulk jobs as it may, at once or in 24 hours. Wait until some have "
            "ended, or load with fewer and larger jobs."},
    RestRow{
        "EXCEEDEDQUOTA", Fault::try_later,
        "The org has made as many bulk jobs in 24 hours as it may. Go on tomorrow, or load with "
        "fewer and larger jobs."},
    RestRow{"FEATURENOTENABLED", Fault::misconfigured,
            "The org has no bulk API. An administrator has to enable it."},
    RestRow{"INVALIDJOBSTATE", Fault::conflict,
            "The bulk job's state does not allow this. Look at the job; somebody may have ended "
            "it."},
    RestRow{"INVALIDJOB", Fault::bad_input, caller},
    RestRow{"STORAGE_LIMIT_EXCEEDED", Fault::misconfigured,
            "The org's storage is full. An administrator has to make room or buy more."},
    RestRow{"OPERATION_TOO_LARGE", Fault::bad_input,
            "The request touches more than Salesforce does at once. Split it."},
    RestRow{"QUERY_TIMEOUT", Fault::bad_input,
            "The query ran for too long. Make it more selective."},
    RestRow{"UNABLE_TO_LOCK_ROW", Fault::conflict,
            "Somebody else was changing the same record. Send the request again."},
    RestRow{"DUPLICATES_DETECTED", Fault::conflict,
            "The org's duplicate rules found a record like this one. Use that one or allow both."},
    RestRow{"NOT_FOUND", Fault::not_found,
            "There is no such resource, record or external id field. Check the path."},
    RestRow{"METHOD_NOT_ALLOWED", Fault::bad_input,
            "The resource does not know this method. Use one that the answer names."},
    RestRow{"UNSUPPORTED_API_VERSION", Fault::bad_input,
            "This API version is retired. Use a newer one in the path."},
    RestRow{"INVALID_QUERY_LOCATOR", Fault::bad_input,
            "The query's pages are no longer kept. Run the query again."},
    RestRow{"MALFORMED_QUERY", Fault::bad_input, caller},
    RestRow{"INVALID_FIELD*", Fault::bad_input, caller},
    RestRow{"INVALID_TYPE", Fault::bad_input, caller},
    RestRow{"MALFORMED_ID", Fault::bad_input, caller},
    RestRow{"REQUIRED_FIELD_MISSING", Fault::bad_input, caller},
    RestRow{"JSON_PARSER_ERROR", Fault::bad_input, caller},
    RestRow{"FIELD_CUSTOM_VALIDATION_EXCEPTION", Fault::bad_input, caller},
    RestRow{"STRING_TOO_LONG", Fault::bad_input, caller},
    RestRow{"SERVER_UNAVAILABLE", Fault::try_later,
            "Salesforce is not available. Call again later, with growing pauses."},
    RestRow{
        "UNKNOWN_EXCEPTION", Fault::outcome_unknown,
        "Salesforce had an internal error and may have done the work. Look before repeating, and "
        "give its ErrorId to Salesforce's support."},
    RestRow{"Bad_OAuth_Token", Fault::reauthorize,
            "Salesforce no longer accepts the access token. Take a newer one; if there is none, "
            "connect again."},
    RestRow{"Missing_OAuth_Token", Fault::bad_input,
            "The request came without an access token. Send it through latchkey."},
    RestRow{"Wrong_Org", Fault::bad_input,
            "The access token belongs to another org than the address. Check the ids in the path."},
    RestRow{"Bad_Id", Fault::not_found, "There is no such org or user. Check the ids in the path."},
};

}  // namespace

std::span<const RestRow> rest_rows() {
    return rows;
}

}  // namespace latchkey::salesforce
