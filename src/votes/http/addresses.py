"""Addresses of mail, as people write them."""

from email_validator import EmailNotValidError, validate_email

from votes.config import Config
from votes.http.errors import Refused


def checked_address(text: str) -> str:
    """The address in its usual spelling. It need not exist. Raises `Refused`."""
    try:
        valid = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise Refused("invalid_body", f"email: {error}") from error
    return str(valid.ascii_email)


def require_mail(config: Config) -> None:
    """Raises `Refused` where no mail is sent."""
    if config.smtp_url is None:
        raise Refused("no_mail", "This site sends no mail: VOTES_SMTP_URL is not set.")
