#include "emulator/data/schema.h"

#include <stdexcept>

#include "base/text.h"

namespace latchkey::emulator::rest {
namespace {

using Fields = std::vector<FieldDef>;
using enum FieldType;

Fields with_audit(Fields fields) {
    const Fields audit = {
        {"CreatedDate", "Created Date", datetime, 0, read_only},
        {"CreatedById", "Created By ID", reference, 18, read_only, "User", "CreatedBy"},
        {"LastModifiedDate", "Last Modified Date", datetime, 0, read_only},
        {"LastModifiedById", "Last Modified By ID", reference, 18, read_only, "User",
         "LastModifiedBy"},
        {"SystemModstamp", "System Modstamp", datetime, 0, read_only},
    };
    fields.insert(fields.end(), audit.begin(), audit.end());
    return fields;
}

Fields account_fields() {
    return with_audit({
        {"Id", "Account ID", id, 18, read_only},
        {"IsDeleted", "Deleted", boolean, 0, read_only},
        {"Name", "Account Name", text, 255, required},
        {"Type", "Account Type", picklist, 255},
        {"ParentId", "Parent Account ID", reference, 18, ordinary, "Account", "Parent",
         "ChildAccounts"},
        {"BillingStreet", "Billing Street", text, 255},
        {"BillingCity", "Billing City", text, 40},
        {"BillingPostalCode", "Billing Zip/Postal Code", text, 20},
        {"BillingCountry", "Billing Country", text, 80},
        {"Phone", "Account Phone", phone, 40},
        {"AccountNumber", "Account Number", text, 40},
        {"Website", "Website", url, 255},
        {"Industry", "Industry", picklist, 255},
        {"AnnualRevenue", "Annual Revenue", currency},
        {"NumberOfEmployees", "Employees", integer},
        {"Rating", "Account Rating", picklist, 255},
        {"Description", "Account Description", long_text, 32000},
        {"OwnerId", "Owner ID", reference, 18, ordinary, "User", "Owner"},
        {"External_Id__c", "External Id", text, 64, external_id},
        {"Active__c", "Active", boolean},
    });
}

Fields contact_fields() {
    return with_audit({
        {"Id", "Contact ID", id, 18, read_only},
        {"IsDeleted", "Deleted", boolean, 0, read_only},
        {"AccountId", "Account ID", reference, 18, cascade, "Account", "Account", "Contacts"},
        {"LastName", "Last Name", text, 80, required},
        {"FirstName", "First Name", text, 40},
        {"Salutation", "Salutation", picklist, 40},
        {"Name", "Full Name", text, 121, read_only},
        {"MailingCity", "Mailing City", text, 40},
        {"MailingCountry", "Mailing Country", text, 80},
        {"Phone", "Business Phone", phone, 40},
        {"Email", "Email", email, 80},
        {"Title", "Title", text, 128},
        {"Department", "Department", text, 80},
        {"Birthdate", "Birthdate", date},
        {"DoNotCall", "Do Not Call", boolean},
        {"Description", "Contact Description", long_text, 32000},
        {"OwnerId", "Owner ID", reference, 18, ordinary, "User", "Owner"},
    });
}

Fields opportunity_fields() {
    return with_audit({
        {"Id", "Opportunity ID", id, 18, read_only},
        {"IsDeleted", "Deleted", boolean, 0, read_only},
        {"AccountId", "Account ID", reference, 18, cascade, "Account", "Account", "Opportunities"},
        {"Name", "Name", text, 120, required},
        {"Description", "Description", long_text, 32000},
        {"StageName", "Stage", picklist, 255, required},
        {"Amount", "Amount", currency},
        {"Probability", "Probability (%)", percent},
        {"CloseDate", "Close Date", date, 0, required},
        {"Type", "Opportunity Type", picklist, 255},
        {"LeadSource", "Lead Source", picklist, 255},
        {"IsClosed", "Closed", boolean, 0, read_only},
        {"IsWon", "Won", boolean, 0, read_only},
        {"OwnerId", "Owner ID", reference, 18, ordinary, "User", "Owner"},
    });
}

Fields lead_fields() {
    return with_audit({
        {"Id", "Lead ID", id, 18, read_only},
        {"IsDeleted", "Deleted", boolean, 0, read_only},
        {"LastName", "Last Name", text, 80, required},
        {"FirstName", "First Name", text, 40},
        {"Name", "Full Name", text, 121, read_only},
        {"Title", "Title", text, 128},
        {"Company", "Company", text, 255, required},
        {"City", "City", text, 40},
        {"Country", "Country", text, 80},
        {"Phone", "Phone", phone, 40},
        {"Email", "Email", email, 80},
        {"LeadSource", "Lead Source", picklist, 255},
        {"Status", "Status", picklist, 255},
        {"Rating", "Rating", picklist, 255},
        {"IsConverted", "Converted", boolean, 0, read_only},
        {"OwnerId", "Owner ID", reference, 18, ordinary, "User", "Owner"},
    });
}

Fields user_fields() {
    return with_audit({
        {"Id", "User ID", id, 18, read_only},
        // The OAuth side knows its users by this name, so it does not change here.
        {"Username", "Username", text, 80, read_only},
        {"LastName", "Last Name", text, 80, required},
        {"FirstName", "First Name", text, 40},
        {"Name", "Full Name", text, 121, read_only},
        {"CompanyName", "Company Name", text, 80},
        {"Title", "Title", text, 80},
        {"Department", "Department", text, 80},
        {"Email", "Email", email, 128, required},
        {"Alias", "Alias", text, 8, required},
        {"IsActive", "Active", boolean},
        {"TimeZoneSidKey", "Time Zone", picklist, 40},
        {"LocaleSidKey", "Locale", picklist, 40},
        {"EmailEncodingKey", "Email Encoding", picklist, 40},
        {"LanguageLocaleKey", "Language", picklist, 40},
        {"UserType", "User Type", picklist, 40, read_only},
        {"ManagerId", "Manager ID", reference, 18, ordinary, "User", "Manager"},
    });
}

Fields organization_fields() {
    return with_audit({
        {"Id", "Organization ID", id, 18, read_only},
        {"Name", "Name", text, 80, required},
        {"Country", "Country", text, 80},
        {"PrimaryContact", "Primary Contact", text, 80},
        {"DefaultLocaleSidKey", "Locale", picklist, 40},
        {"LanguageLocaleKey", "Language", picklist, 40},
        {"TimeZoneSidKey", "Time Zone", picklist, 40},
        {"OrganizationType", "Edition", picklist, 40, read_only},
        {"NamespacePrefix", "Namespace Prefix", text, 15, read_only},
        {"InstanceName", "Instance Name", text, 5, read_only},
        {"IsSandbox", "Is Sandbox", boolean, 0, read_only},
        {"IsReadOnly", "Is Read Only", boolean, 0, read_only},
        {"TrialExpirationDate", "Trial Expiration Date", datetime, 0, read_only},
    });
}

/// generated.cpp prints them, in this order.
Fields measurement_fields() {
    return {
        {"Id", "Record ID", id, 18, read_only},
        {"Name", "Measurement Number", text, 80, read_only},
        {"Sensor__c", "Sensor", text, 40, read_only},
        {"Value__c", "Value", currency, 0, read_only},
        {"Unit__c", "Unit", picklist, 40, read_only},
        {"Taken_At__c", "Taken At", datetime, 0, read_only},
    };
}

std::vector<ObjectDef> make_objects() {
    std::vector<ObjectDef> all = {
        {0, "Account", "Account", "Accounts", "001", true, true, true, account_fields()},
        {0, "Contact", "Contact", "Contacts", "003", true, true, true, contact_fields()},
        {0, "Lead", "Lead", "Leads", "00Q", true, true, true, lead_fields()},
        {0, "Opportunity", "Opportunity", "Opportunities", "006", true, true, true,
         opportunity_fields()},
        {0, "Organization", "Organization", "Organizations", "00D", false, false, false,
         organization_fields()},
        {0, "Measurement__c", "Measurement", "Measurements", "a00", false, false, false,
         measurement_fields(), true},
        // Users are of the OAuth side: here they can be read and edited, not made or unmade.
        {0, "User", "User", "Users", "005", false, true, false, user_fields()},
    };
    for (std::size_t i = 0; i < all.size(); ++i) all[i].index = i;
    return all;
}

}  // namespace

std::optional<std::size_t> ObjectDef::find(std::string_view field) const {
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (ascii_iequal(fields[i].name, field)) return i;
    }
    return std::nullopt;
}

std::optional<std::size_t> ObjectDef::find_relationship(std::string_view relationship) const {
    if (relationship.empty()) return std::nullopt;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (ascii_iequal(fields[i].relationship, relationship)) return i;
    }
    return std::nullopt;
}

std::size_t ObjectDef::at(std::string_view field) const {
    const auto found = find(field);
    if (!found) throw std::logic_error("the schema has no such field");
    return *found;
}

const std::vector<ObjectDef>& objects() {
    static const std::vector<ObjectDef> all = make_objects();
    return all;
}

const ObjectDef* find_object(std::string_view name) {
    for (const ObjectDef& object : objects()) {
        if (ascii_iequal(object.name, name)) return &object;
    }
    return nullptr;
}

std::string_view name(FieldType type) {
    switch (type) {
        case id:
            return "id";
        case reference:
            return "reference";
        case text:
            return "string";
        case long_text:
            return "textarea";
        case picklist:
            return "picklist";
        case email:
            return "email";
        case phone:
            return "phone";
        case url:
            return "url";
        case boolean:
            return "boolean";
        case integer:
            return "int";
        case currency:
            return "currency";
        case percent:
            return "percent";
        case date:
            return "date";
        case datetime:
            return "datetime";
    }
    return "string";
}

bool textual(FieldType type) {
    return type == text || type == long_text || type == picklist || type == email ||
           type == phone || type == url;
}

}  // namespace latchkey::emulator::rest
