<?php

declare(strict_types=1);

namespace App\Mail;

use RuntimeException;

const RETRIES = 3;

interface Transport
{
    public function send(Message $message): bool;
}

trait Loggable
{
    protected function log(string $text): void
    {
        error_log($text);
    }
}

enum Status: string
{
    case Open = 'open';

    public function label(): string
    {
        return ucfirst($this->value);
    }
}

/**
 * Sends messages and tries again.
 */
#[Service]
final class Mailer implements Transport
{
    use Loggable;

    public const LIMIT = 10;

    private array $queue = [];

    public function __construct(private Transport $inner)
    {
    }

    public function send(Message $message): bool
    {
        for ($i = 0; $i < RETRIES; $i++) {
            if ($this->inner->send($message)) {
                return true;
            }
            $this->log('retry');
        }
        throw new RuntimeException('not sent');
    }

    public static function create(): self
    {
        return new self(new SmtpTransport());
    }
}

function format_address(string $name, string $address): string
{
    return sprintf('%s <%s>', $name, $address);
}
