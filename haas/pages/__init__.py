"""What every portal page shares below the contexts: forms, lists and downloads."""
