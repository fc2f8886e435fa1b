"""The blueprint that the bank's pages hang on."""

from flask import Blueprint

blueprint = Blueprint("bank", __name__, url_prefix="/bank")
