"""A small platform with Django: async views, no models and no database of Django's own."""
