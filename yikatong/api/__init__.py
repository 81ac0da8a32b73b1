"""接口: doors for other systems. A machine signs each call; nobody signs in here."""
