"""The portal's shell: what surrounds every page: navigation, formats, static files."""
