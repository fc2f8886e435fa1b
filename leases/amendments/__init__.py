"""How a lease changes: by amendments alone, each shown to the cent before it holds."""
