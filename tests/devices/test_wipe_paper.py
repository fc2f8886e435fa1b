"""Wipe certificates on paper: the fields of NIST SP 800-88."""

from __future__ import annotations

import pytest

from devices.paper import WipeCertificate, wipe_certificate_pdf
from haas.documents.rendering import render_pdf
from tests import paper


class TestWipeCertificatePdf:
    def test_names_device_media_method_verification_and_people(self):
        text = paper.text_of(wipe_certificate_pdf(paper.wipe_certificate(), render=render_pdf))

        for fact in (
            "Certificate of sanitization", "WC-2026-0031", "NIST SP 800-88", "HP", "EliteBook 840 G11",
            "5CG4391ABC", "NW-1042", "NVMe SSD, 1 TB", "Samsung PM9A1", "S64ANX0T112233", "Purge",
            "Cryptographic erase", "nvme-cli 2.11", "10 % sample", "Passed", "Moderate", "Yes, by the client",
            "Reuse with another client", "Ben Okafor", "Technician", "Ana Lindqvist", "Managing director",
            "Performed by", "Verified by", "Page 1 of 1",
        ):  # fmt: skip
            assert fact in text

    def test_is_the_same_for_the_same_certificate_read_back(self):
        certificate = paper.wipe_certificate()

        again = WipeCertificate.from_json(certificate.to_json())

        assert wipe_certificate_pdf(again) == wipe_certificate_pdf(certificate, render=render_pdf)

    def test_is_not_printed_for_no_media(self):
        with pytest.raises(ValueError, match="at least one medium"):
            wipe_certificate_pdf(paper.wipe_certificate(media=()))
