"""What gunicorn serves; YKT_PROCESS says to whom. However it was started, it looks at its login."""

import sys

from django.core.wsgi import get_wsgi_application
from django.db import connection

from yikatong.kernel.errors import Refused
from yikatong.law.logins import refuse_powerful_login

application = get_wsgi_application()
try:
    with connection.cursor():
        refuse_powerful_login(connection.connection)
except Refused as error:
    sys.exit(str(error))
finally:
    connection.close()  # a server that forks after this import must not share one socket
