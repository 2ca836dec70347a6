package dev.headwater.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.microprofile.config.spi.Converter;

/**
 * Converters that check the range of a value. SmallRye reports their errors together with all other
 * problems of the file; a check after loading would report only the first.
 */
public final class Converters {
  private static final Set<String> URL_SCHEMES = Set.of("http", "https");
  private static final Set<String> EMPTY_PATHS = Set.of("", "/");

  private Converters() {}

  /** An integer of at least 1. */
  public static final class Positive implements Converter<Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public Integer convert(String text) {
      int value = integer(text);
      if (value < 1) {
        throw new IllegalArgumentException(invalid(text, "an integer of at least 1"));
      }
      return value;
    }
  }

  /** A number from 0 to 1. */
  public static final class Share implements Converter<Double> {
    private static final long serialVersionUID = 1L;

    @Override
    public Double convert(String text) {
      double value = number(text);
      if (!(value >= 0 && value <= 1)) {
        throw new IllegalArgumentException(invalid(text, "a number from 0 to 1"));
      }
      return value;
    }
  }

  /** A finite number greater than 0. */
  public static final class Rate implements Converter<Double> {
    private static final long serialVersionUID = 1L;

    @Override
    public Double convert(String text) {
      double value = number(text);
      if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(invalid(text, "a number greater than 0"));
      }
      return value;
    }
  }

  /** {@code true} or {@code false}; SmallRye would read any other text as {@code false}. */
  public static final class Flag implements Converter<Boolean> {
    private static final long serialVersionUID = 1L;

    @Override
    public Boolean convert(String text) {
      return switch (text.strip().toLowerCase(Locale.ROOT)) {
        case "true", "yes", "on" -> true;
        case "false", "no", "off" -> false;
        default -> throw new IllegalArgumentException(invalid(text, "true or false"));
      };
    }
  }

  /** A base URL without path, query and user info, such as {@code http://trainer:8081}. */
  public static final class WebAddress implements Converter<URI> {
    private static final long serialVersionUID = 1L;

    @Override
    public URI convert(String text) {
      try {
        URI address = new URI(text.strip());
        if (address.getRawUserInfo() != null) {
          // the value is not quoted: it may contain a password
          throw new IllegalArgumentException("the URL must not contain user info");
        }
        if (address.getHost() != null
            && URL_SCHEMES.contains(address.getScheme())
            && EMPTY_PATHS.contains(address.getRawPath())
            && address.getRawQuery() == null) {
          return address;
        }
      } catch (URISyntaxException e) {
        // reported below, like a URL without a host
      }
      throw new IllegalArgumentException(invalid(text, "a base URL such as http://trainer:8081"));
    }
  }

  /** A duration such as {@code 250ms}, {@code 10s}, {@code 5m}, {@code 24h} or {@code 7d}. */
  public static final class Time implements Converter<Duration> {
    private static final long serialVersionUID = 1L;
    private static final Duration MAX_DURATION = Duration.ofDays(36_525);
    private static final Pattern SYNTAX = Pattern.compile("(\\d{1,12})\\s*(ms|s|m|h|d)");
    private static final Map<String, Duration> UNITS =
        Map.of(
            "ms", Duration.ofMillis(1),
            "s", Duration.ofSeconds(1),
            "m", Duration.ofMinutes(1),
            "h", Duration.ofHours(1),
            "d", Duration.ofDays(1));

    @Override
    public Duration convert(String text) {
      Matcher matcher = SYNTAX.matcher(text.strip().toLowerCase(Locale.ROOT));
      if (!matcher.matches()) {
        throw new IllegalArgumentException(
            invalid(text, "a duration such as 250ms, 10s, 5m, 24h or 7d"));
      }
      Duration unit =
          Objects.requireNonNull(UNITS.get(matcher.group(2)), "SYNTAX matches only known units");
      Duration time = unit.multipliedBy(Long.parseLong(matcher.group(1)));
      if (time.compareTo(MAX_DURATION) > 0) {
        throw new IllegalArgumentException(invalid(text, "at most 36525d (100 years)"));
      }
      return time;
    }
  }

  private static String invalid(String text, String expected) {
    return "invalid value '%s', expected %s".formatted(text, expected);
  }

  private static int integer(String text) {
    try {
      return Integer.parseInt(text.strip());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(invalid(text, "an integer"), e);
    }
  }

  private static double number(String text) {
    try {
      return Double.parseDouble(text.strip());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(invalid(text, "a number"), e);
    }
  }
}
