"""The migrate function: schema migrations, the application role, search roles and seeding."""
