package tidegate;

import com.eatthepath.pushy.apns.ApnsPushNotification;
import com.eatthepath.pushy.apns.auth.ApnsVerificationKey;
import com.eatthepath.pushy.apns.server.MockApnsServer;
import com.eatthepath.pushy.apns.server.MockApnsServerBuilder;
import com.eatthepath.pushy.apns.server.ParsingMockApnsServerListenerAdapter;
import com.eatthepath.pushy.apns.server.PushNotificationHandler;
import com.eatthepath.pushy.apns.server.PushNotificationHandlerFactory;
import com.eatthepath.pushy.apns.server.RejectedNotificationException;
import com.eatthepath.pushy.apns.server.RejectionReason;
import com.eatthepath.pushy.apns.server.ValidatingPushNotificationHandlerFactory;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Starts Pushy's mock of APNs with its validating handler and tells standard output what it took and what it refused.
 *
 * <p>Arguments: port, server certificate, server key, client CA, public half of the signing key (all PEM), team id, key
 * id, topic, file of known device tokens (one a line), device token that has expired.
 */
public final class ApnsPeer {
    private ApnsPeer() {}

    public static void main(final String[] arguments) throws Exception {
        if (arguments.length != 10) {
            System.err.println("ten arguments are wanted; see the source");
            System.exit(2);
        }
        final int port = Integer.parseInt(arguments[0]);
        final String team = arguments[5];
        final String keyId = arguments[6];
        final String topic = arguments[7];
        final String expired = arguments[9];
        final ApnsVerificationKey key = ApnsVerificationKey.loadFromPkcs8File(new File(arguments[4]), team, keyId);
        final Set<String> tokens = new HashSet<>(Files.readAllLines(Path.of(arguments[8])));

        final MockApnsServer server = new MockApnsServerBuilder()
                .setServerCredentials(new File(arguments[1]), new File(arguments[2]), null)
                .setTrustedClientCertificateChain(new File(arguments[3]))
                .setUseAlpn(true)
                .setHandlerFactory(readingRawSignatures(new ValidatingPushNotificationHandlerFactory(
                        Map.of(topic, tokens),
                        Map.of(expired, Instant.ofEpochMilli(1_700_000_000_123L)),
                        Map.of(keyId, key),
                        Map.of(key, Set.of(topic)))))
                .setListener(new Narrator())
                .build();
        server.start(port).get();
        System.out.println("listening");
        System.out.flush();
        Thread.currentThread().join();
    }

    /**
     * Pushy 0.15.4 reads the signature of a provider token as DER; RFC 7518 section 3.4 wants r and s side by side, which is
     * what we send. Anything but 64 bytes is refused here; the rest is Pushy's to judge.
     */
    private static PushNotificationHandlerFactory readingRawSignatures(final PushNotificationHandlerFactory judge) {
        return session -> {
            final PushNotificationHandler handler = judge.buildHandler(session);
            return (headers, payload) -> {
                translateSignature(headers);
                handler.handlePushNotification(headers, payload);
            };
        };
    }

    private static void translateSignature(final Http2Headers headers) throws RejectedNotificationException {
        final CharSequence value = headers.get("authorization");
        final int dot = value == null ? -1 : value.toString().lastIndexOf('.');
        if (dot < 0) {
            return;
        }
        final String text = value.toString();
        final byte[] raw;
        try {
            raw = Base64.getUrlDecoder().decode(text.substring(dot + 1));
        } catch (final IllegalArgumentException e) {
            throw new RejectedNotificationException(RejectionReason.INVALID_PROVIDER_TOKEN);
        }
        if (raw.length != 64) {
            throw new RejectedNotificationException(RejectionReason.INVALID_PROVIDER_TOKEN);
        }
        final byte[] r = integer(Arrays.copyOfRange(raw, 0, 32));
        final byte[] s = integer(Arrays.copyOfRange(raw, 32, 64));
        final ByteArrayOutputStream der = new ByteArrayOutputStream();
        der.write(0x30);
        der.write(r.length + s.length);
        der.writeBytes(r);
        der.writeBytes(s);
        final String signature = Base64.getUrlEncoder().withoutPadding().encodeToString(der.toByteArray());
        headers.set("authorization", text.substring(0, dot + 1) + signature);
    }

    private static byte[] integer(final byte[] magnitude) {
        final byte[] value = new BigInteger(1, magnitude).toByteArray();
        final byte[] encoded = new byte[value.length + 2];
        encoded[0] = 0x02;
        encoded[1] = (byte) value.length;
        System.arraycopy(value, 0, encoded, 2, value.length);
        return encoded;
    }

    private static final class Narrator extends ParsingMockApnsServerListenerAdapter {
        @Override
        public void handlePushNotificationAccepted(final ApnsPushNotification notification) {
            say("accepted " + notification.getToken());
        }

        @Override
        public void handlePushNotificationRejected(
                final ApnsPushNotification notification, final RejectionReason reason, final Instant since) {
            say("rejected " + notification.getToken() + " " + reason);
        }

        private static synchronized void say(final String line) {
            System.out.println(line);
            System.out.flush();
        }
    }
}
