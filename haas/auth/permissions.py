"""Who may do what: permission -> roles, as one table."""

from __future__ import annotations

OPERATOR = "operator.admin"
OWNER, SALES, FINANCE, TECHNICIAN = (
    "partner.owner",
    "partner.sales",
    "partner.finance",
    "partner.technician",
)
CLIENT_ADMIN, CLIENT_VIEWER = "client.admin", "client.viewer"

ROLE_NAMES = {
    OPERATOR: "Operator admin",
    OWNER: "Owner",
    SALES: "Sales",
    FINANCE: "Finance",
    TECHNICIAN: "Technician",
    CLIENT_ADMIN: "Client admin",
    CLIENT_VIEWER: "Client viewer",
}
ROLES_OF_LEVEL = {
    "operator": [OPERATOR],
    "partner": [OWNER, SALES, FINANCE, TECHNICIAN],
    "client": [CLIENT_ADMIN, CLIENT_VIEWER],
}

_STAFF = {OWNER, SALES, FINANCE, TECHNICIAN}
_CLIENTS = {CLIENT_ADMIN, CLIENT_VIEWER}

# fmt: off
PERMISSIONS: dict[str, set[str]] = {
    # the vendor
    "partner.list":          {OPERATOR},
    "partner.manage":        {OPERATOR},
    "partner.enter":         {OPERATOR},      # act inside one partner, on the record
    # one's own account
    "account.self":          {OPERATOR, *_STAFF, *_CLIENTS},
    # the house
    "team.read":             {OWNER, CLIENT_ADMIN},
    "team.manage":           {OWNER, CLIENT_ADMIN},
    "token.manage":          {OWNER},
    "branding.manage":       {OWNER},
    "settings.manage":       {OWNER},
    "company.manage":        {OWNER, FINANCE},  # tax numbers and bank accounts
    "audit.read":            {OWNER, FINANCE},
    "client.read":           {*_STAFF},
    "client.manage":         {OWNER, SALES},
    "client.offboard":       {OWNER},  # end everything of a client
    "site.read":             {*_STAFF, *_CLIENTS},
    "site.manage":           {OWNER, SALES, TECHNICIAN},
    "overview.read":         {*_STAFF, *_CLIENTS},
    "calendar.read":         {*_STAFF, *_CLIENTS},
    "calendar.cash":         {OWNER, SALES, FINANCE, *_CLIENTS},  # rents to come; a client its own
    "search.use":            {*_STAFF, *_CLIENTS},
    "job.read":              {*_STAFF},
    "file.read":             {*_STAFF, *_CLIENTS},
    # the fleet
    "model.read":            {*_STAFF, *_CLIENTS},
    "model.manage":          {OWNER, SALES, TECHNICIAN},
    "asset.read":            {*_STAFF, *_CLIENTS},
    "asset.cost.read":       {OWNER, SALES, FINANCE},
    "asset.cost.manage":     {OWNER, FINANCE},
    "asset.manage":          {OWNER, SALES, TECHNICIAN},
    "asset.move":            {OWNER, TECHNICIAN},
    "asset.grade":           {OWNER, TECHNICIAN},
    "asset.dispose":         {OWNER},
    "asset.import":          {OWNER, SALES, TECHNICIAN},
    "asset.export":          {*_STAFF},
    "asset.label":           {OWNER, TECHNICIAN},
    "asset.scan":            {OWNER, TECHNICIAN},
    "asset.wipe":            {OWNER, TECHNICIAN},
    "device.read":           {*_STAFF, *_CLIENTS},
    "device.enrol":          {OWNER, TECHNICIAN},
    "device.command":        {OWNER, TECHNICIAN},
    "alert.read":            {*_STAFF},
    "alert.manage":          {OWNER, TECHNICIAN},
    "alert.route":           {OWNER},
    # contracts
    "lease.read":            {OWNER, SALES, FINANCE, TECHNICIAN, *_CLIENTS},
    "lease.manage":          {OWNER, SALES},
    "lease.amend":           {OWNER, SALES},
    "lease.activate":        {OWNER, SALES},
    "lease.accept":          {OWNER, SALES, CLIENT_ADMIN},
    "lease.swap":            {OWNER, TECHNICIAN},
    "lease.return":          {OWNER, SALES, TECHNICIAN},
    "lease.request_return":  {CLIENT_ADMIN},
    "lease.dispute":         {OWNER, SALES, CLIENT_ADMIN},
    "lease.choose":          {OWNER, SALES, CLIENT_ADMIN},  # what becomes of devices at the end
    "lease.end":             {OWNER, SALES},  # carry it out, offer a purchase, confirm a loss
    "quote.read":            {OWNER, SALES, FINANCE, *_CLIENTS},  # a client: what was sent to it
    "quote.manage":          {OWNER, SALES},
    "quote.accept":          {OWNER, SALES, CLIENT_ADMIN},
    "terms.read":            {OWNER, SALES, FINANCE, *_CLIENTS},
    "terms.publish":         {OWNER},
    "purchase.read":         {*_STAFF},
    "purchase.manage":       {OWNER, SALES, TECHNICIAN},
    "depreciation.read":     {OWNER, FINANCE},
    "depreciation.manage":   {OWNER, FINANCE},
    # prices
    "price.read":            {OWNER, SALES, FINANCE},
    "price.manage":          {OWNER, SALES},
    "wholesale.manage":      {OPERATOR},      # the operator's own house: what partners pay
    # finance houses: never a client's
    "funder.read":           {OWNER, FINANCE},
    "funder.manage":         {OWNER, FINANCE},
    # money
    "charge.read":           {OWNER, SALES, FINANCE},
    "charge.manage":         {OWNER, SALES, FINANCE},  # charges by hand, purchase orders, discounts
    "invoice.read":          {OWNER, SALES, FINANCE, *_CLIENTS},
    "invoice.issue":         {OWNER, FINANCE},
    "invoice.credit":        {OWNER, FINANCE},
    "invoice.send":          {OWNER, FINANCE},
    "invoice.export":        {OWNER, FINANCE},
    "export.manage":         {OWNER, FINANCE},
    "invoice.dispute":       {OWNER, FINANCE, CLIENT_ADMIN},  # say that an invoice is wrong
    "dunning.read":          {OWNER, SALES, FINANCE},
    "credit.release":        {OWNER, FINANCE},  # let a client go beyond its limit, with a reason
    "dunning.manage":        {OWNER, FINANCE},  # rules, reminders, pauses, promises, decisions
    "payment.record":        {OWNER, FINANCE},
    "payment.settings":      {OWNER},         # accounts at providers, and their keys
    "payment.checkout":      {OWNER, FINANCE, CLIENT_ADMIN},  # pay on the provider's page
    "payment.method":        {OWNER, FINANCE, CLIENT_ADMIN},  # save and remove means of payment
    "payment.charge":        {OWNER, FINANCE},
    "payment.refund":        {OWNER, FINANCE},
    "bank.read":             {OWNER, FINANCE},
    "bank.manage":           {OWNER, FINANCE},
    "bank.import":           {OWNER, FINANCE},
    "bank.match":            {OWNER, FINANCE},
    "bank.collect":          {OWNER, FINANCE},
    "bank.pay":              {OWNER, FINANCE},  # order refunds at the bank
    "payout.read":           {OWNER, FINANCE},
    "deposit.manage":        {OWNER, FINANCE},
    "tax.manage":            {OWNER, FINANCE},
    "ledger.read":           {OWNER, FINANCE},
    "ledger.manage":         {OWNER, FINANCE},
}
# fmt: on


def allowed(role: str, permission: str) -> bool:
    """Whether `role` includes `permission`.

    :raises KeyError: for a permission that is not in the table: a misspelt one must not look like a refusal.
    """
    return role in PERMISSIONS[permission]


def permissions_of(role: str) -> frozenset[str]:
    """Everything `role` may do."""
    return frozenset(name for name, roles in PERMISSIONS.items() if role in roles)
