require 'json'

# Helpers for mail.
module Mail
  VERSION = '1.0'

  class DeliveryError < StandardError; end

  # One message.
  class Message
    ATTRIBUTES = %i[to subject body].freeze
    attr_accessor :to, :subject

    def initialize(to:, subject:)
      @to = to
      @subject = subject
    end

    def deliver!
      raise DeliveryError, 'no address' if to.nil?

      Transport.send_mail(self)
    end

    def valid?
      !to.nil?
    end

    def ==(other)
      to == other.to
    end

    def self.parse(text)
      new(**JSON.parse(text, symbolize_names: true))
    end

    class << self
      def build(&block)
        new(to: nil, subject: nil).tap(&block)
      end
    end

    private

    def headers
      { 'To' => to }
    end

    alias address to
  end

  module Transport
    def self.send_mail(message)
      puts message.subject
    end
  end
end

class Mail::Archive
  def store(message) = messages << message

  def messages
    @messages ||= []
  end
end

def top_level(name)
  "hello #{name}"
end
