#pragma once

#include <span>
#include <string_view>

#include "salesforce/errors.h"

namespace latchkey::salesforce {

// The error catalogues as data. Rows are tried in order and the first that fits decides, so a row
// with a description stands before the row of the same error without one.
// Sources: Salesforce Help, "OAuth 2.0 Authorization Flow Errors"; REST API Developer Guide,
// "Status Codes and Error Responses"; and texts that clients have met.

enum class During {
    any,
    refresh,   ///< a refresh token was presented
    exchange,  ///< a code was presented
};

struct TokenRow {
    std::string_view error;        ///< compared exactly
    std::string_view description;  ///< lower case; a part of the description; empty: any
    During during;
    GrantVerdict verdict;
    Fault fault;
    const char* code;  ///< ours
    const char* message;
};
std::span<const TokenRow> token_rows();

struct CallbackRow {
    std::string_view error;
    std::string_view description;  ///< as in TokenRow
    Fault fault;
    const char* code;
    const char* message;
};
std::span<const CallbackRow> callback_rows();

struct RestRow {
    std::string_view error_code;  ///< Salesforce's errorCode; a closing '*' stands for any ending
    Fault fault;
    const char* message;
};
std::span<const RestRow> rest_rows();

}  // namespace latchkey::salesforce
