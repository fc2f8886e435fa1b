"""What gunicorn serves: `gunicorn wsgi:application`."""

from haas.app import create_app
from haas.settings import Settings

application = create_app(Settings.from_environment())
