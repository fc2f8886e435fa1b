"""Who plays in the demo: partners, clients, sites, hardware models. Data alone; every name is made up."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ModelScene:
    """A hardware model with its list cost and the rent of a month."""

    key: str
    manufacturer: str
    name: str
    category: str
    cost: str
    rent: str
    life_months: int
    residual_pct: str
    kit: tuple[str, ...] = ()
    specs: dict[str, str] = field(default_factory=dict)
    data_bearing: bool = True


@dataclass(frozen=True, slots=True)
class ClientScene:
    """A client with its sites: (name, address lines)."""

    name: str
    legal_name: str
    email: str
    address: tuple[str, ...]
    sites: tuple[tuple[str, tuple[str, ...]], ...]
    tax_id: str = ""
    more: dict[str, str] = field(default_factory=dict)  # as `haas.accounts.clients.create_client` takes it


@dataclass(frozen=True, slots=True)
class PartnerScene:
    """A partner: how it looks, where it is, what it charges."""

    slug: str
    name: str
    legal_name: str
    domain: str
    country: str
    currency: str
    language: str
    time_zone: str
    page_size: str
    accent: str
    initials: str
    address: tuple[str, ...]
    footer: tuple[str, ...]
    payment: tuple[str, ...]
    company: dict[str, object]  # as `haas.accounts.company.edit_company` takes it
    support: str
    tax_rate_pct: str
    tax_name: str
    price_factor: Decimal
    people: tuple[tuple[str, str], ...]  # (role, name)
    client_admin: str
    clients: tuple[ClientScene, ...]


MODELS = (
    ModelScene(
        "laptop", "Lenovo", "ThinkPad T14 Gen 5", "laptop", "1240.00", "46.90", 36, "12",
        ("65 W charger", "sleeve"), {"cpu": "Core Ultra 5", "memory": "32 GB", "disk": "512 GB NVMe"},
    ),
    ModelScene(
        "premium", "Apple", "MacBook Pro 14", "laptop", "2190.00", "79.50", 36, "22",
        ("70 W charger", "USB-C cable"), {"cpu": "M4 Pro", "memory": "24 GB", "disk": "512 GB NVMe"},
    ),
    ModelScene(
        "workstation", "Dell", "Precision 3680 Tower", "workstation", "2480.00", "88.00", 48, "10",
        ("power cord", "keyboard", "mouse"), {"cpu": "Core i7", "memory": "64 GB", "disk": "1 TB NVMe"},
    ),
    ModelScene(
        "server", "HPE", "ProLiant DL360 Gen11", "server", "7350.00", "212.00", 60, "8",
        ("rail kit", "2 power cords", "bezel key"),
        {"cpu": "Xeon Silver", "memory": "128 GB", "disk": "4x 1.9 TB"},
    ),
    ModelScene(
        "tablet", "Samsung", "Galaxy Tab Active5", "tablet", "540.00", "21.40", 36, "10",
        ("charger", "pen", "rugged case"), {"memory": "8 GB", "disk": "256 GB"},
    ),
    ModelScene(
        "monitor", "Dell", "UltraSharp U2724D", "other", "430.00", "13.90", 60, "5",
        ("power cord", "DisplayPort cable"), {"size": "27 inch"}, data_bearing=False,
    ),
    ModelScene(
        "firewall", "Fortinet", "FortiGate 60F", "network", "690.00", "31.00", 48, "5",
        ("power supply",), {"ports": "10x GE"},
    ),
)  # fmt: skip

NORTHWIND = PartnerScene(
    slug="northwind",
    name="Northwind IT",
    legal_name="Northwind IT Services, Inc.",
    domain="northwind.example",
    country="US",
    currency="USD",
    language="en",
    time_zone="America/New_York",
    page_size="letter",
    accent="#14532d",
    initials="NW",
    address=("48 Harbor Street", "Portland, ME 04101"),
    footer=("Northwind IT Services, Inc. · EIN 99-9999990", "Registered in the State of Maine"),
    payment=(),
    company={
        "address": ["48 Harbor Street"],
        "postcode": "04101",
        "city": "Portland",
        "region": "ME",
        "tax_registration": "99-9999990",
        "contact_name": "Fay Lindqvist",
        "phone": "+1 207 555 0110",
        "email": "billing@northwind.example",
        "endpoint_scheme": "EM",
        "endpoint_id": "billing@northwind.example",
        "accounts": [{"currency": "USD", "account_number": "0001234567", "bank_code": "000000000"}],
    },
    support="support@northwind.example · +1 207 555 0100",
    tax_rate_pct="5.5",
    tax_name="Sales tax",
    price_factor=Decimal(1),
    people=(
        ("partner.owner", "Ana Whitfield"),
        ("partner.sales", "Sam Ortega"),
        ("partner.finance", "Fay Lindqvist"),
        ("partner.technician", "Ben Achebe"),
    ),
    client_admin="Ada Moreau",
    clients=(
        ClientScene(
            "Casco Bay Dental",
            "Casco Bay Dental Group, LLC",
            "ap@cascobaydental.example",
            ("Casco Bay Dental Group, LLC", "212 Congress Street", "Portland, ME 04101"),
            (
                ("Congress Street", ("212 Congress Street", "Portland, ME 04101")),
                ("Westbrook", ("9 Mill Lane", "Westbrook, ME 04092")),
            ),
            more={
                "postcode": "04101",
                "city": "Portland",
                "endpoint_scheme": "EM",
                "endpoint_id": "ap@cascobaydental.example",
                "buyer_reference": "AP-100",
                "region": "ME",
            },
        ),
        ClientScene(
            "Penobscot Law",
            "Penobscot Law Partners, LLP",
            "billing@penobscotlaw.example",
            ("Penobscot Law Partners, LLP", "1 Exchange Place", "Bangor, ME 04401"),
            (("Exchange Place", ("1 Exchange Place", "Bangor, ME 04401")),),
            more={
                "postcode": "04401",
                "city": "Bangor",
                "endpoint_scheme": "EM",
                "endpoint_id": "billing@penobscotlaw.example",
                "buyer_reference": "Matter 0-00",
                "region": "ME",
            },
        ),
        ClientScene(
            "Allagash Freight",
            "Allagash Freight Co.",
            "accounts@allagashfreight.example",
            ("Allagash Freight Co.", "77 Depot Road", "Presque Isle, ME 04769"),
            (
                ("Depot", ("77 Depot Road", "Presque Isle, ME 04769")),
                ("Harbor office", ("3 Wharf Street", "Searsport, ME 04974")),
            ),
            more={
                "postcode": "04769",
                "city": "Presque Isle",
                "endpoint_scheme": "EM",
                "endpoint_id": "accounts@allagashfreight.example",
                "buyer_reference": "Fleet IT",
                "region": "ME",
            },
        ),
        ClientScene(
            "Sebago Surveying",
            "Sebago Surveying, Inc.",
            "office@sebagosurveying.example",
            ("Sebago Surveying, Inc.", "18 Lake Road", "Windham, ME 04062"),
            (("Lake Road", ("18 Lake Road", "Windham, ME 04062")),),
            more={
                "postcode": "04062",
                "city": "Windham",
                "endpoint_scheme": "EM",
                "endpoint_id": "office@sebagosurveying.example",
                "buyer_reference": "Office",
                "region": "ME",
            },
        ),
    ),
)

KONTOR = PartnerScene(
    slug="kontor",
    name="Kontor Systemhaus",
    legal_name="Kontor Systemhaus GmbH",
    domain="kontor.example",
    country="DE",
    currency="EUR",
    language="de",
    time_zone="Europe/Berlin",
    page_size="a4",
    accent="#7c2d12",
    initials="KS",
    address=("Speicherstraße 14", "20457 Hamburg"),
    footer=(
        "Kontor Systemhaus GmbH · Amtsgericht Hamburg HRB 000000",
        "Geschäftsführung: Greta Brandt · USt-IdNr. DE999999903",
    ),
    payment=(),
    company={
        "address": ["Speicherstraße 14"],
        "postcode": "20457",
        "city": "Hamburg",
        "tax_id": "DE999999903",
        "tax_registration": "99/999/99990",
        "legal_id": "HRB 000000",
        "contact_name": "Nora Petersen",
        "phone": "+49 40 555 0110",
        "email": "billing@kontor.example",
        "endpoint_scheme": "9930",
        "endpoint_id": "DE999999903",
        "creditor_id": "DE09ZZZ00000000001",
        "accounts": [{"currency": "EUR", "iban": "DE93999999990000000001"}],
    },
    support="service@kontor.example · +49 40 555 010",
    tax_rate_pct="19",
    tax_name="MwSt.",
    price_factor=Decimal("0.94"),
    people=(
        ("partner.owner", "Greta Brandt"),
        ("partner.sales", "Timo Aydin"),
        ("partner.finance", "Nora Petersen"),
        ("partner.technician", "Jonas Krämer"),
    ),
    client_admin="Heike Vollmer",
    clients=(
        ClientScene(
            "Elbufer Architekten",
            "Elbufer Architekten PartG mbB",
            "rechnung@elbufer.example",
            ("Elbufer Architekten PartG mbB", "Am Strom 3", "22763 Hamburg"),
            (
                ("Atelier", ("Am Strom 3", "22763 Hamburg")),
                ("Baubüro Süd", ("Werftweg 21", "21107 Hamburg")),
            ),
            tax_id="DE999999911",
            more={
                "postcode": "22763",
                "city": "Hamburg",
                "endpoint_scheme": "9930",
                "endpoint_id": "DE999999911",
                "buyer_reference": "Atelier",
            },
        ),
        ClientScene(
            "Praxis am Markt",
            "Praxis am Markt MVZ GmbH",
            "buchhaltung@praxis-am-markt.example",
            ("Praxis am Markt MVZ GmbH", "Marktplatz 8", "21335 Lüneburg"),
            (("Marktplatz", ("Marktplatz 8", "21335 Lüneburg")),),
            more={
                "postcode": "21335",
                "city": "Lüneburg",
                "endpoint_scheme": "EM",
                "endpoint_id": "buchhaltung@praxis-am-markt.example",
                "buyer_reference": "Verwaltung",
            },
        ),
        ClientScene(
            "Donauhafen Logistik",
            "Donauhafen Logistik GmbH",
            "kreditoren@donauhafen-logistik.example",
            ("Donauhafen Logistik GmbH", "Hafenstraße 40", "4020 Linz", "Österreich"),
            (
                ("Terminal", ("Hafenstraße 40", "4020 Linz")),
                ("Leitstand", ("Handelskai 2", "1020 Wien")),
            ),
            tax_id="ATU99999993",
            more={
                "postcode": "4020",
                "city": "Linz",
                "endpoint_scheme": "9914",
                "endpoint_id": "ATU99999993",
                "buyer_reference": "Kreditoren",
                "country": "AT",
            },
        ),
        ClientScene(
            "Vermessung Heide",
            "Vermessungsbüro Heide GbR",
            "buero@vermessung-heide.example",
            ("Vermessungsbüro Heide GbR", "Heideweg 6", "21391 Reppenstedt"),
            (("Heideweg", ("Heideweg 6", "21391 Reppenstedt")),),
            more={
                "postcode": "21391",
                "city": "Reppenstedt",
                "endpoint_scheme": "EM",
                "endpoint_id": "buero@vermessung-heide.example",
                "buyer_reference": "Büro",
            },
        ),
    ),
)

PARTNERS = (NORTHWIND, KONTOR)
