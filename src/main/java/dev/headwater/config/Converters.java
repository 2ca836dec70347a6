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
 * Values whose range is part of their type. A converter that refuses is reported together with
 * every other problem of the file, which a check after loading would not be.
 */
public final class Converters {
  private static final Set<String> SCHEMES = Set.of("http", "https");
  private static final Set<String> BARE = Set.of("", "/");

  private Converters() {}

  /** A whole number of at least 1. */
  public static final class Positive implements Converter<Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public Integer convert(String text) {
      int value = whole(text);
      if (value < 1) {
        throw new IllegalArgumentException(text + " is not a whole number of at least 1");
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
        throw new IllegalArgumentException(text + " is not between 0 and 1");
      }
      return value;
    }
  }

  /** A number above 0. */
  public static final class Rate implements Converter<Double> {
    private static final long serialVersionUID = 1L;

    @Override
    public Double convert(String text) {
      double value = number(text);
      if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(text + " is not a number above 0");
      }
      return value;
    }
  }

  /** {@code true} or {@code false}; what is neither is a mistake, not a no. */
  public static final class Flag implements Converter<Boolean> {
    private static final long serialVersionUID = 1L;

    @Override
    public Boolean convert(String text) {
      return switch (text.strip().toLowerCase(Locale.ROOT)) {
        case "true", "yes", "on" -> true;
        case "false", "no", "off" -> false;
        default -> throw new IllegalArgumentException(text + " is neither true nor false");
      };
    }
  }

  /** Where a server is, such as {@code http://trainer:8081}. */
  public static final class WebAddress implements Converter<URI> {
    private static final long serialVersionUID = 1L;

    @Override
    public URI convert(String text) {
      try {
        URI address = new URI(text.strip());
        if (address.getRawUserInfo() != null) {
          // not quoted: it may be a password
          throw new IllegalArgumentException("names a user, and nobody logs in there");
        }
        if (address.getHost() != null
            && SCHEMES.contains(address.getScheme())
            && BARE.contains(address.getRawPath())
            && address.getRawQuery() == null) {
          return address;
        }
      } catch (URISyntaxException e) {
        // told below, as what has no host is
      }
      throw new IllegalArgumentException(
          text + " is not a web address; write one such as http://trainer:8081");
    }
  }

  /** A time such as {@code 250ms}, {@code 10s}, {@code 5m}, {@code 24h} or {@code 7d}. */
  public static final class Time implements Converter<Duration> {
    private static final long serialVersionUID = 1L;
    private static final Duration LONGEST = Duration.ofDays(36_525);
    private static final Pattern FORM = Pattern.compile("(\\d{1,12})\\s*(ms|s|m|h|d)");
    private static final Map<String, Duration> UNITS =
        Map.of(
            "ms", Duration.ofMillis(1),
            "s", Duration.ofSeconds(1),
            "m", Duration.ofMinutes(1),
            "h", Duration.ofHours(1),
            "d", Duration.ofDays(1));

    @Override
    public Duration convert(String text) {
      Matcher form = FORM.matcher(text.strip().toLowerCase(Locale.ROOT));
      if (!form.matches()) {
        throw new IllegalArgumentException(
            text + " is not a time; write a number and ms, s, m, h or d, such as 10s");
      }
      Duration unit = Objects.requireNonNull(UNITS.get(form.group(2)), "FORM names every unit");
      Duration time = unit.multipliedBy(Long.parseLong(form.group(1)));
      if (time.compareTo(LONGEST) > 0) {
        throw new IllegalArgumentException(text + " is more than a hundred years");
      }
      return time;
    }
  }

  private static int whole(String text) {
    try {
      return Integer.parseInt(text.strip());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(text + " is not a whole number", e);
    }
  }

  private static double number(String text) {
    try {
      return Double.parseDouble(text.strip());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(text + " is not a number", e);
    }
  }
}
