"""Documents and their lines as files for the books: CSV and XLSX, of exactly what a filter names."""
