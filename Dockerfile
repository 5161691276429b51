# The service alone; PostgreSQL and the queue come from DATABASE_URL and REDIS_URL (see docker-compose.yml).
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npx tsc -p tsconfig.build.json && cp -r src/http/page dist/http/page && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY bin bin
COPY sql sql
RUN ln -s /app/bin/zoneferry.js /usr/local/bin/zoneferry
USER node
EXPOSE 5300/tcp 5300/udp 8053/tcp
ENTRYPOINT ["node", "/app/bin/zoneferry.js"]
CMD ["serve"]
