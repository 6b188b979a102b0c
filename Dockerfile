# syntax=docker/dockerfile:1
# Builds with all packages, runs with those of production only, as a user without rights.

FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/wa-emulator/package.json ./packages/wa-emulator/
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
COPY packages ./packages
RUN node scripts/build.mjs

FROM node:20-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/wa-emulator/package.json ./packages/wa-emulator/
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force

FROM node:20-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=5001 \
    DATA_DIR=/data \
    LOG_DIR=/data/logs
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/packages/wa-emulator/dist ./packages/wa-emulator/dist
COPY packages/wa-emulator/package.json ./packages/wa-emulator/
COPY package.json LICENSE NOTICE ./
COPY drizzle ./drizzle
COPY extension ./extension
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 5001
# The service stops within 25 s of a SIGTERM; give it 30: docker stop -t 30.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
